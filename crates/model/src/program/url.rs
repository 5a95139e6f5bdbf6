//! Addresses as URLs, for commands that need no program. Program files write addresses as tables; passwords belong in neither (P35).
//!
//! `sqlite:FOLDER`, `postgres://[USER@][HOST][:PORT][/DATABASE][?host=…&tls=…]`, percent-encoded as usual. A socket's folder goes into
//! `?host=`, as libpq has it.

use super::{Address, Tls};
use crate::catalog::EngineKind;

impl Address {
    /// The server as people write it, `host:port` or the folder of its socket; none where there is no server.
    pub fn server(&self) -> Option<String> {
        let port = self.port.or(self.engine.default_port())?;
        Some(match self.host.as_deref().unwrap_or("localhost") {
            socket if socket.starts_with('/') => socket.to_owned(),
            host => format!("{host}:{port}"),
        })
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that quotes nothing of what could be a password.
    pub fn from_url(url: &str) -> Result<Address, String> {
        let (scheme, rest) = url
            .split_once(':')
            .ok_or("a URL begins with the engine: `sqlite:FOLDER`, `postgres://HOST`, `mysql://HOST` or `mssql://HOST`")?;
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err("`sqlite:` is followed by a folder".to_owned());
                }
                Ok(Address { path: Some(path.to_owned()), ..empty(EngineKind::Sqlite) })
            }
            "postgres" | "postgresql" => server(EngineKind::Postgres, rest),
            "mysql" | "mariadb" => server(EngineKind::Mysql, rest),
            "mssql" | "sqlserver" => server(EngineKind::Mssql, rest),
            _ => Err("the engine is none of `sqlite`, `postgres`, `mysql` and `mssql`".to_owned()),
        }
    }
}

fn empty(engine: EngineKind) -> Address {
    Address { engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None }
}

fn server(engine: EngineKind, rest: &str) -> Result<Address, String> {
    let rest = rest.strip_prefix("//").ok_or("a server's URL has `//` behind the engine")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(u, p)| (Some(u), p));
    if user.is_some_and(|u| u.contains(':')) {
        return Err("a password does not belong into a URL, where process lists and histories show it".to_owned());
    }
    // An IPv6 address has colons of its own and stands in brackets.
    let (host, port) = match place.strip_prefix('[') {
        Some(six) => {
            let (host, after) = six.split_once(']').ok_or("a `[` of the host is not closed")?;
            (host, after.strip_prefix(':').unwrap_or(""))
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let some = |text: &str| -> Result<Option<String>, String> { if text.is_empty() { Ok(None) } else { decoded(text).map(Some) } };
    let number = |text: &str| text.parse::<u16>().map_err(|_| "the port is no number from 1 to 65535".to_owned());
    let mut address = Address {
        host: some(host)?,
        database: some(database)?,
        user: some(user.unwrap_or(""))?,
        port: if port.is_empty() { None } else { Some(number(port)?) },
        ..empty(engine)
    };
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value)?;
        match key {
            "host" => address.host = Some(value),
            "port" => address.port = Some(number(&value)?),
            "user" => address.user = Some(value),
            "tls" => {
                address.tls = Some(match value.as_str() {
                    "disable" => Tls::Disable,
                    "require" => Tls::Require,
                    "verify" => Tls::Verify,
                    _ => return Err("`tls` is one of `disable`, `require` and `verify`".to_owned()),
                });
            }
            "password" => return Err("a password does not belong into a URL, where process lists and histories show it".to_owned()),
            _ => return Err("behind `?` there may be `host`, `port`, `user` and `tls`".to_owned()),
        }
    }
    Ok(address)
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push(high * 16 + low),
            _ => return Err("a `%` is not followed by two hexadecimal digits".to_owned()),
        }
    }
    String::from_utf8(bytes).map_err(|_| "what `%` stands for is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_part_by_part() {
        let a = Address::from_url("postgres://J%C3%B6rg%40x@db.example:5433/clin%20ic?tls=require").unwrap();
        assert_eq!((a.host.as_deref(), a.port, a.database.as_deref()), (Some("db.example"), Some(5433), Some("clin ic")));
        assert_eq!((a.user.as_deref(), a.tls), (Some("Jörg@x"), Some(Tls::Require)));
        let a = Address::from_url("postgresql://postgres@/?host=/var/run/postgresql&port=5432").unwrap();
        assert_eq!((a.host.as_deref(), a.port, a.database), (Some("/var/run/postgresql"), Some(5432), None));
        let a = Address::from_url("mariadb://root@db.example").unwrap();
        assert_eq!((a.engine, a.host.as_deref(), a.port), (EngineKind::Mysql, Some("db.example"), None));
        let a = Address::from_url("postgres://[::1]:5432").unwrap();
        assert_eq!((a.host.as_deref(), a.port), (Some("::1"), Some(5432)));
        for url in ["mssql://sa@db.example:1433/Clinic?tls=verify", "sqlserver://sa@db.example:1433/Clinic?tls=verify"] {
            let a = Address::from_url(url).unwrap();
            assert_eq!((a.engine, a.host.as_deref(), a.port), (EngineKind::Mssql, Some("db.example"), Some(1433)));
            assert_eq!((a.user.as_deref(), a.database.as_deref(), a.tls), (Some("sa"), Some("Clinic"), Some(Tls::Verify)));
        }
        for (url, path) in [("sqlite:/tmp/x", "/tmp/x"), ("sqlite:///tmp/x", "/tmp/x"), ("sqlite:.", ".")] {
            assert_eq!(Address::from_url(url).unwrap().path.as_deref(), Some(path));
        }
    }

    #[test]
    fn passwords_and_nonsense_are_refused_without_being_repeated() {
        for url in [
            "postgres://ann:geheim@db",
            "mysql://ann:geheim@db",
            "postgres://db?password=geheim",
            "postgres:geheim",
            "oracle://geheim",
            "geheim",
            "sqlite:",
            "postgres://db:geheim",
            "postgres://%zz",
            "postgres://[::1",
            "postgres://db?geheim=1",
        ] {
            let why = Address::from_url(url).unwrap_err();
            assert!(!why.contains("geheim"), "{why}");
        }
    }
}
