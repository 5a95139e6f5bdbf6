//! The server that the environment names, and scratch databases on it. Never touches a database whose name a [`Scratch`] did not make up.

use super::{Database, PASSWORD};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long others may still be in a database that is to be dropped: sessions end a moment after their connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the server is, and how to log in.
#[derive(Clone)]
pub struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: String,
    pub(super) password: String,
    pub(super) tls: bool,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}", self.login, self.host, self.port)
    }
}

impl Server {
    /// Reads `mssql://LOGIN@HOST:PORT[?tls=require]`, and the password from the environment.
    ///
    /// # Panics
    /// When it does not look like that.
    pub fn at(url: &str) -> Server {
        let read = || {
            let rest = url.strip_prefix("mssql://")?;
            let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
            let (login, place) = rest.trim_end_matches('/').rsplit_once('@')?;
            let (host, port) = place.rsplit_once(':').unwrap_or((place, "1433"));
            let password = std::env::var(PASSWORD).unwrap_or_default();
            Some(Server {
                host: host.to_owned(),
                port: port.parse().ok()?,
                login: login.to_owned(),
                password,
                tls: options.contains("tls=require"),
            })
        };
        read().unwrap_or_else(|| panic!("`{url}` is no `mssql://LOGIN@HOST:PORT`"))
    }

    /// Name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Login.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Whether sessions are to be encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// A database that is there already, such as a generation that the test's subject made.
    pub fn existing(&self, name: &str) -> Database {
        Database::new(self.clone(), name.to_owned())
    }

    /// A fresh, empty database. It goes when the value does, with everything that was named after it.
    pub fn scratch(&self, hint: &str) -> Scratch {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        // Other processes, on other machines too, make theirs on the same server.
        let nonce = std::hash::RandomState::new().build_hasher().finish();
        let short: String = hint.chars().filter(char::is_ascii_alphanumeric).take(10).collect();
        // In lower case: some servers fold names, and the test looks for what it named.
        let name = format!("grt_{}_{:08x}_{n}", short.to_lowercase(), nonce & 0xffff_ffff);
        let master = self.existing("master");
        let registry = self.registry();
        master.run(&format!("create database [{name}]"));
        let scratch = Scratch { server: self.clone(), name, registry };
        if !master.query("select @@version").starts_with("Babelfish") {
            master.run(&format!("alter database [{}] set allow_snapshot_isolation on", scratch.name));
        }
        scratch
    }

    /// Whether there is a registry of pilots.
    fn registry(&self) -> bool {
        self.existing("master").query("select count(*) from sys.databases where name = 'greenroom'") != "0"
    }

    fn drop_database(&self, name: &str) -> Result<(), String> {
        let began = Instant::now();
        loop {
            match self.existing("master").try_run(&format!("drop database [{name}]")) {
                Err(_) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(500)),
                ended => return ended.map(drop),
            }
        }
    }
}

/// A database and all whose names begin with its name; dropping it drops them.
#[derive(Debug)]
pub struct Scratch {
    server: Server,
    name: String,
    /// Whether the registry of pilots stood before.
    registry: bool,
}

impl Scratch {
    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database itself.
    pub fn database(&self) -> Database {
        self.server.existing(&self.name)
    }

    fn named_after_it(&self) -> Result<Vec<String>, String> {
        let names = format!("select name from sys.databases where left(name, {}) = '{}'", self.name.len(), self.name);
        Ok(self.server.existing("master").try_run(&names)?.lines().map(str::to_owned).collect())
    }

    fn clear(&self) -> Result<(), String> {
        for name in self.named_after_it()? {
            self.server.drop_database(&name)?;
        }
        if self.server.registry() {
            let registry = self.server.existing("greenroom");
            registry.try_run(&format!("delete from dbo.pilot_name where left(name, {}) = '{}'", self.name.len(), self.name))?;
            if !self.registry && registry.try_run("select count(*) from dbo.pilot_name")? == "0" {
                self.server.drop_database("greenroom")?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(why) = self.clear() {
            // A panic here would hide the one that brought us here.
            let said = format!("databases named `{}…` are left on {:?}: {why}", self.name, self.server);
            if std::thread::panicking() { eprintln!("{said}") } else { panic!("{said}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let s = Server::at("mssql://sa@db.example:1434?tls=require");
        assert_eq!((s.host(), s.port(), s.login(), s.tls()), ("db.example", 1434, "sa", true));
        assert_eq!(Server::at("mssql://sa@db.example/").port(), 1433);
    }

    #[test]
    fn a_scratch_database_and_what_is_named_after_it_go_with_the_value() {
        let server = Server::at(&crate::mssql!());
        let scratch = server.scratch("goes");
        let name = scratch.name().to_owned();
        server.existing("master").run(&format!("create database [{name}_pilot]"));
        scratch.database().run("create table t (a int, b varchar(9))\nGO\ninsert into t values (1, 'x'), (2, null)");
        assert_eq!(scratch.database().query("select a, b from t order by a"), "1\tx\n2\t");
        assert_eq!(scratch.named_after_it().unwrap().len(), 2);
        drop(scratch);
        let left = format!("select count(*) from sys.databases where name like '{name}%'");
        assert_eq!(server.existing("master").query(&left), "0");
    }
}
