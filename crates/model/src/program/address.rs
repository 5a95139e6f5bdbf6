//! Source, target and pilot: addresses merged key by key, and whether they can be what they say. Connects to nothing.

use super::layers::{Read, last};
use super::raw::{At, RawAddress, RawGreenroom};
use crate::catalog::EngineKind;
use crate::finding::{Finding, Place};
use crate::program::{Address, Pilot};

type Section = fn(&RawGreenroom) -> Option<&RawAddress>;

/// Source and target, if enough of them was said.
pub(super) fn addresses(layers: &[Read<'_>], pilot: Option<&Pilot>, findings: &mut Vec<Finding>) -> Option<(Address, Address)> {
    let source_section: Section = |m| m.source.as_ref();
    let target_section: Section = |m| m.target.as_ref();
    let source = merged(layers, source_section);
    let target = merged(layers, target_section);
    let Some(engine) = source.engine else {
        missing(
            layers,
            "source.engine",
            "write `engine = \"sqlite\"`, `\"postgres\"`, `\"mysql\"` or `\"mssql\"` under `[source]`",
            findings,
        );
        return None;
    };
    let mut whole = true;
    for (name, section, address) in [("source", source_section, &source), ("target", target_section, &target)] {
        // Where the engines differ, that is the one finding.
        whole &= address.engine.is_some_and(|e| e != engine)
            || (fits_engine(layers, name, section, engine, findings) & host_alone(layers, name, section, engine, findings));
    }
    if let Some((layer, at)) = last(layers, |m| target_section(m)?.engine.as_ref())
        && EngineKind::from(at.value) != engine
    {
        let message = format!("the source is {engine} and the target {}", EngineKind::from(at.value));
        let finding = Finding::error("GR0113", message).at(place(layer, at));
        findings.push(finding.hint("a rehearsal stays within one engine; leave `engine` out of `[target]`"));
        whole = false;
    }
    let (needed, example) = match engine {
        EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql => ("source.database", "write `database = \"…\"` under `[source]`"),
        EngineKind::Sqlite | EngineKind::Fake => ("source.path", "write `path = \"production.db\"` under `[source]`"),
    };
    let source = source.address(engine);
    let said = if engine.has_server() { &source.database } else { &source.path };
    if said.as_deref().unwrap_or_default().is_empty() {
        missing(layers, needed, example, findings);
        return None;
    }
    let target = target_of(engine, &source, target, pilot);
    if let Some(pilot) = pilot {
        whole &= pilot_apart(layers, pilot, &source, &target, findings);
    }
    whole.then_some((source, target))
}

/// Reports a missing setting, unless it was written but faulty and has a finding already.
pub(super) fn missing(layers: &[Read<'_>], path: &str, hint: &str, findings: &mut Vec<Finding>) {
    let own = layers.last().filter(|_| !layers.iter().any(|l| l.is_broken(path)));
    // Without a main file there is a finding already.
    if let Some(own) = own.filter(|l| l.layer.files.contains_key(super::layers::MAIN)) {
        let place = own.file(super::layers::MAIN).place(0..0);
        findings.push(Finding::error("GR0109", format!("`{path}` is not set")).at(place).hint(hint));
    }
}

fn place<T>(layer: &Read<'_>, at: &At<T>) -> Place {
    layer.file(super::layers::MAIN).place(at.span.clone())
}

/// An address of which not even the engine may be known.
#[derive(Default)]
struct Partial {
    engine: Option<EngineKind>,
    rest: Option<Address>,
}

impl Partial {
    fn address(&self, engine: EngineKind) -> Address {
        let empty = Address { engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None };
        Address { engine, ..self.rest.clone().unwrap_or(empty) }
    }
}

fn merged(layers: &[Read<'_>], section: Section) -> Partial {
    fn get<T: Clone>(layers: &[Read<'_>], section: Section, key: impl Fn(&RawAddress) -> Option<&At<T>>) -> Option<T> {
        last(layers, |m| key(section(m)?)).map(|(_, at)| at.value.clone())
    }
    if !layers.iter().any(|l| section(&l.main).is_some()) {
        return Partial::default();
    }
    let engine = get(layers, section, |a| a.engine.as_ref()).map(EngineKind::from);
    let address = Address {
        engine: engine.unwrap_or(EngineKind::Sqlite),
        path: get(layers, section, |a| a.path.as_ref()),
        host: get(layers, section, |a| a.host.as_ref()),
        port: get(layers, section, |a| a.port.as_ref()),
        database: get(layers, section, |a| a.database.as_ref()),
        user: get(layers, section, |a| a.user.as_ref()),
        password: get(layers, section, |a| a.password.as_ref()),
        tls: get(layers, section, |a| a.tls.as_ref()),
    };
    Partial { engine, rest: Some(address) }
}

/// The target: what was said, completed from the source. A target with a host of its own takes nothing but the engine from the source, so
/// that the source's password never travels to another server.
fn target_of(engine: EngineKind, source: &Address, said: Partial, pilot: Option<&Pilot>) -> Address {
    let mut target = said.address(engine);
    match engine {
        EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql if target.host.is_none() => {
            target.host = source.host.clone();
            target.port = target.port.or(source.port);
            target.tls = target.tls.or(source.tls);
            if target.user.is_none() {
                target.user = source.user.clone();
                target.password = target.password.or_else(|| source.password.clone());
            }
        }
        EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql => {}
        EngineKind::Sqlite | EngineKind::Fake => {
            let folder = pilot.map_or(".", |p| p.name.rsplit_once(['/', '\\']).map_or(".", |(folder, _)| folder));
            target.path = Some(if folder.is_empty() { "/".to_owned() } else { folder.to_owned() });
        }
    }
    target
}

/// Reports keys that the engine has no use for.
fn fits_engine(layers: &[Read<'_>], name: &str, section: Section, engine: EngineKind, findings: &mut Vec<Finding>) -> bool {
    let mut fits = true;
    for layer in layers {
        let Some(a) = section(&layer.main) else { continue };
        let spans = [
            ("path", a.path.as_ref().map(|v| &v.span)),
            ("host", a.host.as_ref().map(|v| &v.span)),
            ("port", a.port.as_ref().map(|v| &v.span)),
            ("database", a.database.as_ref().map(|v| &v.span)),
            ("user", a.user.as_ref().map(|v| &v.span)),
            ("password", a.password.as_ref().map(|v| &v.span)),
            ("tls", a.tls.as_ref().map(|v| &v.span)),
        ];
        for (key, span) in spans {
            let Some(span) = span else { continue };
            let (for_files, server) = (key == "path", engine.has_server());
            // A SQLite pilot lies where its name says.
            if for_files != server && (server || name == "source") {
                continue;
            }
            fits = false;
            let finding = Finding::error("GR0113", format!("`{name}.{key}` means nothing for {engine}"));
            let hint = match (server, name) {
                (true, _) => "a server takes `host`, `port`, `database` and `user`",
                (false, "source") => "SQLite takes `path` only",
                (false, _) => "the file that `pilot.name` names says where the pilot lives; remove `[target]`",
            };
            findings.push(finding.at(layer.file(super::layers::MAIN).place(span.clone())).hint(hint));
        }
    }
    fits
}

/// SQL Server's clients take `host\instance` and `host,port`, and ask the server's browser for the instance's port; a port says it without asking.
fn host_alone(layers: &[Read<'_>], name: &str, section: Section, engine: EngineKind, findings: &mut Vec<Finding>) -> bool {
    let host = last(layers, |m| section(m)?.host.as_ref()).filter(|_| engine == EngineKind::Mssql);
    let Some((layer, at)) = host.filter(|(_, at)| at.value.contains(['\\', ','])) else { return true };
    let what = if at.value.contains('\\') { "an instance" } else { "a port" };
    let finding = Finding::error("GR0113", format!("`{name}.host` holds {what} besides the host")).at(place(layer, at));
    let hint = if at.value.contains('\\') {
        "write the host alone, and the instance's port in `port`: `select local_tcp_port from sys.dm_exec_connections where session_id = @@spid` tells it"
    } else {
        "write the host alone, and the port in `port`"
    };
    findings.push(finding.hint(hint));
    false
}

/// A pilot must not be what production is, nor a database of the server's own.
fn pilot_apart(layers: &[Read<'_>], pilot: &Pilot, source: &Address, target: &Address, findings: &mut Vec<Finding>) -> bool {
    let at = last(layers, |m| m.pilot.as_ref()?.main.name.as_ref()).map(|(layer, at)| place(layer, at));
    let mut report = |finding: Finding| {
        findings.push(match &at {
            Some(place) => finding.at(place.clone()),
            None => finding,
        });
        false
    };
    match source.engine {
        EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql => {
            let engine = source.engine;
            let postgres = engine == EngineKind::Postgres;
            let port = |a: &Address| a.port.or(engine.default_port());
            let host = |a: &Address| match plain_host(a.host.as_deref()).as_str() {
                // Clients of SQL Server know two more words for it.
                "." | "(local)" if engine == EngineKind::Mssql => "localhost".to_owned(),
                "" | "127.0.0.1" | "::1" | "localhost" => "localhost".to_owned(),
                // A socket folder is this machine as well.
                other if other.starts_with('/') => "localhost".to_owned(),
                other => other.to_owned(),
            };
            // SQL Server tells names apart by the server's collation, which as a rule ignores case.
            let same = |name: &str| {
                if engine == EngineKind::Mssql { name.to_lowercase() == pilot.name.to_lowercase() } else { name == pilot.name }
            };
            if source.database.as_deref().is_some_and(same) && host(source) == host(target) && port(source) == port(target) {
                let finding = Finding::error("GR0114", format!("the pilot `{}` is the source database itself", pilot.name));
                return report(finding.hint("give the pilot a name of its own, e.g. with `_pilot` at its end"));
            }
            let maintenance = target.database.as_deref().or(postgres.then_some("postgres"));
            let own: &[&str] = match engine {
                EngineKind::Postgres => &["postgres", "template0", "template1"],
                EngineKind::Mssql => &["master", "model", "msdb", "tempdb", "resource", "mssqlsystemresource", "distribution"],
                _ => &["mysql", "sys", "information_schema", "performance_schema", "greenroom"],
            };
            if maintenance.is_some_and(same) || own.contains(&pilot.name.to_ascii_lowercase().as_str()) {
                let finding = Finding::error("GR0110", format!("the pilot cannot be named `{}`, a database the server needs", pilot.name));
                return report(finding.hint("give the pilot a name of its own"));
            }
            if postgres && (pilot.name.len() > 63 || pilot.name.contains('\0')) {
                let finding = Finding::error("GR0110", "PostgreSQL cuts names longer than 63 bytes, and the pilot's name is longer");
                return report(finding.hint("choose a shorter name"));
            }
            if engine == EngineKind::Mssql {
                // Counted as the server does, in UTF-16. Generations' names are cut, so that their endings fit.
                let fits =
                    pilot.name.encode_utf16().count() <= 128 && !pilot.name.chars().any(char::is_control) && !pilot.name.ends_with(' ');
                if !fits {
                    let finding =
                        Finding::error("GR0110", "SQL Server takes no such name: at most 128 characters, and no blank at the end");
                    return report(finding.hint("choose another name"));
                }
            } else if !postgres && (pilot.name.chars().count() > 64 || pilot.name.contains(['\0', '/', '\\', '.'])) {
                let finding =
                    Finding::error("GR0110", "MariaDB and MySQL take no such name: at most 64 characters, and no `.`, `/` or `\\`");
                return report(finding.hint("choose another name"));
            }
        }
        EngineKind::Sqlite | EngineKind::Fake => {
            if source.path.as_deref().map(plain_path) == Some(plain_path(&pilot.name)) {
                let finding = Finding::error("GR0114", format!("the pilot `{}` is the source file itself", pilot.name));
                return report(finding.hint("give the pilot a file of its own"));
            }
            if pilot.name.ends_with('/') || pilot.name.contains('\0') {
                let finding = Finding::error("GR0110", format!("the pilot's name `{}` is a folder", pilot.name.replace('\0', "")));
                return report(finding.hint("name a file, e.g. `pilot/clinic.db`"));
            }
        }
    }
    true
}

/// A host's name in lower case, without the dot that may end it.
fn plain_host(host: Option<&str>) -> String {
    let host = host.unwrap_or("localhost");
    if host == "." { host.to_owned() } else { host.trim_end_matches('.').to_lowercase() }
}

/// A path without `.`, `..` and doubled separators, as far as that shows without the file system; links are found when the run opens files.
fn plain_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let absolute = path.starts_with(['/', '\\']);
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::plain_path;

    #[test]
    fn detours_in_a_path_do_not_hide_that_two_files_are_one() {
        assert_eq!(plain_path("./data//x/../production.db"), plain_path("data/production.db"));
        assert_eq!(plain_path("/../a.db"), "/a.db");
        assert_ne!(plain_path("../a.db"), plain_path("a.db"));
    }
}
