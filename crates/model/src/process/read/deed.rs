//! What tasks do by themselves, and probes, as `process.toml` writes them: exactly one thing, with the keys that belong to it.

use super::super::deed::{AskedOf, Deed, Doing, PROBE_SECONDS, RunWord, Wanted, bytes, seconds};
use super::super::integrations::filled;
use super::Reader;
use crate::finding::{Finding, Place};
use crate::program::SecretRef;
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

/// Something done, or looked at, by itself: one of `run`, `command`, `sql`, `http`, `dns`, `tcp`, `disk`, `copy` and `wait`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeed {
    /// A run that a person starts: `rehearse`, `refresh`, `dress`, `follow`, `switch`, `rollback`. Done once it has ended well.
    pub(super) run: Option<At<RunWord>>,
    /// A program and its arguments, run in the program's folder with a clean environment.
    pub(super) command: Option<At<Vec<String>>>,
    /// `command`: what is run instead when the runbook is rehearsed. Without it the command is not run then.
    pub(super) rehearsal: Option<At<Vec<String>>>,
    /// `command`: variables of its environment: `{ TOKEN = { env = "CRM_TOKEN" } }`.
    #[serde(default)]
    pub(super) env: BTreeMap<At<String>, SecretRef>,
    /// `command`: running it twice does no harm. Everything else may be done twice anyway.
    pub(super) repeatable: Option<At<bool>>,
    /// A file with a query that reads, relative to the program's folder.
    pub(super) sql: Option<At<String>>,
    /// `sql`: where it is asked: `source`, `pilot`, or `target` (what has taken production's place; the pilot in a rehearsal).
    pub(super) on: Option<At<AskedOf>>,
    /// `sql`: what its first value has to be, or `no rows` (on the pilot and the target).
    pub(super) expect: Option<At<String>>,
    /// `sql`: in place of `expect`: the least number or version that its first value may hold: `15.4`.
    pub(super) at_least: Option<At<String>>,
    /// A page that is fetched.
    pub(super) http: Option<At<RawHttp>>,
    /// A name that is looked up.
    pub(super) dns: Option<At<RawDns>>,
    /// A connection that is tried.
    pub(super) tcp: Option<At<RawTcp>>,
    /// Room on a disk.
    pub(super) disk: Option<At<RawDisk>>,
    /// One of the program's trees of files, which is copied: the NAME of `[files.NAME]`.
    pub(super) copy: Option<At<String>>,
    /// Time that passes: `15 minutes`.
    pub(super) wait: Option<At<String>>,
    /// How long it may take: `90 seconds`, `15 minutes`, `2 hours`. By default 10 seconds for `http`, `dns`, `tcp` and `disk`, a minute for `sql`, 5 minutes for `command`, 12 hours for
    /// `copy`.
    pub(super) timeout: Option<At<String>>,
}

/// A page that is fetched. Redirections are not followed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    /// Its address.
    pub(super) url: Option<At<String>>,
    /// The status it has to answer with; 200 by default.
    pub(super) expect: Option<At<u16>>,
    /// Text that has to be in the first 256 KiB of it.
    pub(super) body_contains: Option<At<String>>,
}

/// A name that is looked up.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDns {
    /// The name.
    pub(super) name: Option<At<String>>,
    /// The addresses it has to have, no more and no fewer; any without it.
    pub(super) expect: Option<At<Vec<String>>>,
    /// The server that is asked, `10.0.0.2` or `10.0.0.2:53`; whoever the machine asks without it.
    pub(super) server: Option<At<String>>,
}

/// What a connection has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PortWord {
    /// Somebody listens.
    Open,
    /// Nobody does.
    Closed,
}

/// A connection that is tried.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTcp {
    /// Name or address.
    pub(super) host: Option<At<String>>,
    /// Port.
    pub(super) port: Option<At<u16>>,
    /// `open` by default, or `closed`.
    pub(super) expect: Option<At<PortWord>>,
}

/// Room on a disk.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDisk {
    /// A folder of this machine; where the target keeps its data without it.
    pub(super) path: Option<At<String>>,
    /// What has to be free: `200 GB`.
    pub(super) free: Option<At<String>>,
}

impl Reader<'_> {
    fn deed_wrong(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error("GR0139", message).at(place).hint(hint));
    }

    /// Reads what a task does by itself. `address`: of the side that a probe looks at, which `{address}` and `{host}` stand for.
    pub(super) fn deed(&mut self, file: &File<'_>, at: &At<RawDeed>, address: Option<&str>) -> Option<Deed> {
        let (d, place) = (&at.value, || file.place(at.span.clone()));
        let kinds: Vec<(&str, &Range<usize>)> = [
            ("run", d.run.as_ref().map(|a| &a.span)),
            ("command", d.command.as_ref().map(|a| &a.span)),
            ("sql", d.sql.as_ref().map(|a| &a.span)),
            ("http", d.http.as_ref().map(|a| &a.span)),
            ("dns", d.dns.as_ref().map(|a| &a.span)),
            ("tcp", d.tcp.as_ref().map(|a| &a.span)),
            ("disk", d.disk.as_ref().map(|a| &a.span)),
            ("copy", d.copy.as_ref().map(|a| &a.span)),
            ("wait", d.wait.as_ref().map(|a| &a.span)),
        ]
        .into_iter()
        .filter_map(|(word, span)| Some((word, span?)))
        .collect();
        let one = "one of `run`, `command`, `sql`, `http`, `dns`, `tcp`, `disk`, `copy` and `wait`";
        let &[(kind, _)] = kinds.as_slice() else {
            match kinds.get(1) {
                None => self.deed_wrong(place(), "nothing is said that is to be done", format!("write {one}")),
                Some((second, span)) => {
                    let message = format!("`{}` and `{second}` are two things to be done", kinds[0].0);
                    self.deed_wrong(file.place((*span).clone()), message, format!("write {one}; a second task does the other"));
                }
            }
            return None;
        };
        let first_env = d.env.keys().next().map(|k| &k.span);
        let extras = [
            ("rehearsal", d.rehearsal.as_ref().map(|a| &a.span), "command"),
            ("env", first_env, "command"),
            ("repeatable", d.repeatable.as_ref().map(|a| &a.span), "command"),
            ("on", d.on.as_ref().map(|a| &a.span), "sql"),
            ("expect", d.expect.as_ref().map(|a| &a.span), "sql"),
            ("at_least", d.at_least.as_ref().map(|a| &a.span), "sql"),
        ];
        for (key, span, of) in extras.into_iter().filter(|(_, _, of)| *of != kind) {
            if let Some(span) = span {
                self.deed_wrong(
                    file.place(span.clone()),
                    format!("`{key}` means nothing beside `{kind}`"),
                    format!("it belongs to `{of}`"),
                );
            }
        }
        if let Some(timeout) = d.timeout.as_ref().filter(|_| matches!(kind, "run" | "wait")) {
            self.deed_wrong(file.place(timeout.span.clone()), format!("`timeout` means nothing beside `{kind}`"), "leave it out");
        }
        let fill = |text: &str| address.map_or_else(|| text.to_owned(), |a| filled(text, a));
        let doing = match kind {
            "run" => Doing::Run { run: d.run.as_ref()?.value },
            "command" => {
                let words = |at: &At<Vec<String>>| at.value.iter().map(|w| fill(w)).collect::<Vec<_>>();
                for at in [&d.command, &d.rehearsal].into_iter().flatten() {
                    if at.value.first().is_none_or(|w| w.trim().is_empty()) {
                        self.deed_wrong(file.place(at.span.clone()), "no program is named", "write `command = [\"./stop.sh\", \"now\"]`");
                        return None;
                    }
                }
                Doing::Command {
                    command: words(d.command.as_ref()?),
                    rehearsal: d.rehearsal.as_ref().map(words),
                    env: d.env.iter().map(|(k, v)| (k.value.clone(), v.clone())).collect(),
                }
            }
            "sql" => self.query(file, d, place())?,
            "http" => self.http(file, d.http.as_ref()?, &fill)?,
            "dns" => self.dns(file, d.dns.as_ref()?, &fill)?,
            "tcp" => self.tcp(file, d.tcp.as_ref()?, &fill)?,
            "disk" => self.disk(file, d.disk.as_ref()?)?,
            "copy" => Doing::Copy { tree: d.copy.as_ref()?.value.clone() },
            _ => Doing::Wait { seconds: self.length(file, d.wait.as_ref()?)? },
        };
        let usual = match &doing {
            Doing::Http { .. } | Doing::Dns { .. } | Doing::Tcp { .. } | Doing::Disk { .. } => PROBE_SECONDS,
            Doing::Sql { .. } => 60,
            Doing::Command { .. } => 300,
            Doing::Run { .. } | Doing::Copy { .. } | Doing::Wait { .. } => 12 * 3600,
        };
        let timeout_seconds = d.timeout.as_ref().map_or(Some(usual), |t| self.length(file, t))?;
        let repeatable = d.repeatable.as_ref().map_or(kind != "command", |r| r.value);
        Some(Deed { doing, timeout_seconds, repeatable })
    }

    /// Reads a probe: only what looks and changes nothing.
    pub(super) fn probe(&mut self, file: &File<'_>, at: &At<RawDeed>, address: Option<&str>) -> Option<Deed> {
        let deed = self.deed(file, at, address)?;
        if matches!(deed.doing, Doing::Run { .. } | Doing::Copy { .. } | Doing::Wait { .. }) {
            let message = format!("`{}` is no probe", deed.doing.word());
            self.deed_wrong(file.place(at.span.clone()), message, "a probe is one of `http`, `dns`, `tcp`, `disk`, `sql` and `command`");
            return None;
        }
        Some(deed)
    }

    fn length(&mut self, file: &File<'_>, at: &At<String>) -> Option<u64> {
        let wrong = |hint| self.deed_wrong(file.place(at.span.clone()), format!("`{}` is no length of time", at.value), hint);
        seconds(&at.value).map_err(wrong).ok()
    }

    fn query(&mut self, file: &File<'_>, d: &RawDeed, place: Place) -> Option<Doing> {
        let sql = d.sql.as_ref()?;
        let path = std::path::Path::new(&sql.value);
        let inside =
            path.is_relative() && path.components().all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if !inside || sql.value.is_empty() {
            let message = "`sql` is no file within the program's folder".to_owned();
            self.deed_wrong(file.place(sql.span.clone()), message, "write the file's path, `sql = \"checks/open_invoices.sql\"`");
            return None;
        }
        let (Some(on), Some(expect)) = (&d.on, d.expect.as_ref().xor(d.at_least.as_ref())) else {
            self.deed_wrong(
                place,
                "a query lacks `on`, or one of `expect` and `at_least`",
                "`on = \"source\"`, `\"pilot\"` or `\"target\"`; `expect = \"0\"` or `\"no rows\"`, or `at_least = \"15.4\"`",
            );
            return None;
        };
        if d.at_least.is_some() {
            let least = expect.value.trim();
            let number = !least.is_empty() && least.split('.').all(|p| p.parse::<u32>().is_ok());
            if !number {
                let message = format!("`{least}` is no number or version");
                self.deed_wrong(file.place(expect.span.clone()), message, "write `at_least = \"15.4\"`");
                return None;
            }
            return Some(Doing::Sql { file: sql.value.clone(), on: on.value, expect: Wanted::AtLeast(least.to_owned()) });
        }
        let wanted = match expect.value.trim() {
            "no rows" if on.value == AskedOf::Source => {
                let hint = "let the query count: `select count(*) …` with `expect = \"0\"`";
                self.deed_wrong(file.place(expect.span.clone()), "`no rows` cannot be told from NULL on the source", hint);
                return None;
            }
            "no rows" => Wanted::NoRows,
            value => Wanted::Value(value.to_owned()),
        };
        Some(Doing::Sql { file: sql.value.clone(), on: on.value, expect: wanted })
    }

    fn http(&mut self, file: &File<'_>, at: &At<RawHttp>, fill: &dyn Fn(&str) -> String) -> Option<Doing> {
        let h = &at.value;
        let Some(url) = &h.url else {
            self.deed_wrong(file.place(at.span.clone()), "`http` lacks `url`", "write `http = { url = \"https://crm.example/health\" }`");
            return None;
        };
        let filled = fill(&url.value);
        let place = file.place(url.span.clone());
        if filled.split_once("://").is_some_and(|(_, r)| r.split('/').next().is_some_and(|a| a.contains('@'))) {
            self.deed_wrong(place, "an address with a login in it", "leave the login out: a probe asks for what anybody may see");
            return None;
        }
        if !(filled.starts_with("http://") || filled.starts_with("https://")) || filled.contains(char::is_whitespace) {
            self.deed_wrong(place, "`url` is no address of a page", "it begins with `https://` or `http://`");
            return None;
        }
        let status = h.expect.as_ref().map_or(200, |s| s.value);
        if !(100..600).contains(&status) {
            let span = h.expect.as_ref().map_or(at.span.clone(), |s| s.span.clone());
            self.deed_wrong(file.place(span), format!("`{status}` is no status"), "statuses are from 100 to 599: `expect = 200`");
            return None;
        }
        Some(Doing::Http {
            url: filled,
            status,
            body_contains: h.body_contains.as_ref().map(|b| b.value.clone()).filter(|b| !b.is_empty()),
        })
    }

    fn dns(&mut self, file: &File<'_>, at: &At<RawDns>, fill: &dyn Fn(&str) -> String) -> Option<Doing> {
        let d = &at.value;
        let Some(name) = &d.name else {
            self.deed_wrong(file.place(at.span.clone()), "`dns` lacks `name`", "write `dns = { name = \"crm.example\" }`");
            return None;
        };
        let mut expect = None;
        if let Some(all) = &d.expect {
            let mut read = Vec::new();
            for address in &all.value {
                match address.parse::<IpAddr>() {
                    Ok(address) => read.push(address.to_string()),
                    Err(_) => {
                        let message = format!("`{address}` is no address");
                        self.deed_wrong(file.place(all.span.clone()), message, "write addresses as `10.0.0.7` or `fd00::7`");
                        return None;
                    }
                }
            }
            if read.is_empty() {
                let hint = "name the addresses, or leave `expect` out: then any will do";
                self.deed_wrong(file.place(all.span.clone()), "no address is named", hint);
                return None;
            }
            read.sort();
            read.dedup();
            expect = Some(read);
        }
        if let Some(server) = &d.server {
            let known = server.value.parse::<IpAddr>().is_ok() || server.value.parse::<std::net::SocketAddr>().is_ok();
            if !known {
                let message = format!("`{}` is no address of a server", server.value);
                self.deed_wrong(file.place(server.span.clone()), message, "write `10.0.0.2` or `10.0.0.2:53`");
                return None;
            }
        }
        Some(Doing::Dns { name: fill(&name.value), expect, server: d.server.as_ref().map(|s| s.value.clone()) })
    }

    fn tcp(&mut self, file: &File<'_>, at: &At<RawTcp>, fill: &dyn Fn(&str) -> String) -> Option<Doing> {
        let t = &at.value;
        let (Some(host), Some(port)) = (&t.host, t.port.as_ref().filter(|p| p.value > 0)) else {
            self.deed_wrong(
                file.place(at.span.clone()),
                "`tcp` lacks `host` or `port`",
                "write `tcp = { host = \"10.0.0.7\", port = 443 }`",
            );
            return None;
        };
        let open = t.expect.as_ref().is_none_or(|e| e.value == PortWord::Open);
        Some(Doing::Tcp { host: fill(&host.value), port: port.value, open })
    }

    fn disk(&mut self, file: &File<'_>, at: &At<RawDisk>) -> Option<Doing> {
        let Some(free) = &at.value.free else {
            self.deed_wrong(file.place(at.span.clone()), "`disk` lacks `free`", "write `disk = { free = \"200 GB\" }`");
            return None;
        };
        let wrong = |hint| self.deed_wrong(file.place(free.span.clone()), format!("`{}` is no size", free.value), hint);
        let bytes = bytes(&free.value).map_err(wrong).ok()?;
        Some(Doing::Disk { path: at.value.path.as_ref().map(|p| p.value.clone()).filter(|p| !p.is_empty()), free: bytes })
    }
}
