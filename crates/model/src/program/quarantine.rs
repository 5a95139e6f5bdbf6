//! The quarantine: where a backup may be restored. Merged key by key and completed from the target. Connects to nothing.

use super::layers::{MAIN, Read, last};
use super::raw::{At, RawQuarantine};
use crate::catalog::EngineKind;
use crate::finding::Finding;
use crate::program::{Address, Quarantine};

/// Days after which a raw copy that was kept is over, unless the program says otherwise.
const EXPIRES_DAYS: u32 = 3;

/// Longest time a raw copy may be kept.
const MOST_DAYS: u32 = 90;

fn get<T: Clone>(layers: &[Read<'_>], key: impl Fn(&RawQuarantine) -> Option<&At<T>>) -> Option<T> {
    last(layers, |m| key(m.quarantine.as_ref()?)).map(|(_, at)| at.value.clone())
}

/// The quarantine, if one is declared. As with the target, a host of its own takes no login and no password from anywhere else.
pub(super) fn quarantine(layers: &[Read<'_>], target: &Address, findings: &mut Vec<Finding>) -> Option<Quarantine> {
    let declared: Vec<_> = layers.iter().filter_map(|l| l.main.quarantine.as_ref().map(|q| (l, q))).collect();
    let (own, _) = *declared.last()?;
    let server = target.engine.has_server();
    for (layer, q) in &declared {
        let spans = [
            ("path", q.path.as_ref().map(|v| &v.span), false),
            ("host", q.host.as_ref().map(|v| &v.span), true),
            ("port", q.port.as_ref().map(|v| &v.span), true),
            ("database", q.database.as_ref().map(|v| &v.span), true),
            ("user", q.user.as_ref().map(|v| &v.span), true),
            ("password", q.password.as_ref().map(|v| &v.span), true),
            ("tls", q.tls.as_ref().map(|v| &v.span), true),
        ];
        for (key, span, of_server) in spans {
            // SQL Server reads backups itself, in the folder that `path` names.
            let both = key == "path" && target.engine == EngineKind::Mssql;
            let Some(span) = span.filter(|_| of_server != server && !both) else { continue };
            let finding = Finding::error("GR0113", format!("`quarantine.{key}` means nothing for {}", target.engine));
            let hint = if server { "a server takes `host`, `port`, `database` and `user`" } else { "SQLite takes `path` only" };
            findings.push(finding.at(layer.file(MAIN).place(span.clone())).hint(hint));
        }
    }
    let days = last(layers, |m| m.quarantine.as_ref()?.expires_days.as_ref());
    if let Some((layer, at)) = days.filter(|(_, at)| !(0..=MOST_DAYS).contains(&at.value)) {
        let finding = Finding::error("GR0124", format!("`quarantine.expires_days` takes 0 to {MOST_DAYS}"));
        findings.push(finding.at(layer.file(MAIN).place(at.span.clone())).hint("raw data is kept no longer than it is needed"));
    }
    let mut address = Address {
        engine: target.engine,
        path: get(layers, |q| q.path.as_ref()).filter(|p| !p.is_empty()),
        host: get(layers, |q| q.host.as_ref()),
        port: get(layers, |q| q.port.as_ref()),
        database: get(layers, |q| q.database.as_ref()),
        user: get(layers, |q| q.user.as_ref()),
        password: get(layers, |q| q.password.as_ref()),
        tls: get(layers, |q| q.tls.as_ref()),
    };
    if server && address.host.is_none() {
        address.host = target.host.clone();
        address.port = address.port.or(target.port);
        address.tls = address.tls.or(target.tls);
        address.database = address.database.or_else(|| target.database.clone());
        if address.user.is_none() {
            address.user = target.user.clone();
            address.password = address.password.or_else(|| target.password.clone());
        }
    }
    if !server && address.path.is_none() && !own.is_broken("quarantine.path") {
        let finding = Finding::error("GR0109", "`quarantine.path` is not set").at(own.file(MAIN).place(0..0));
        findings.push(finding.hint("write `path = \"quarantine\"` under `[quarantine]`: a folder for nothing but raw copies"));
    }
    Some(Quarantine { address, expires_days: days.map_or(EXPIRES_DAYS, |(_, at)| at.value) })
}
