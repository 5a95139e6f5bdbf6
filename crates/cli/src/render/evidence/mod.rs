//! The evidence pack as a page: self-contained, for the screen and for paper. Does not own what it says about the program (`commands::evidence`).

mod audits;
mod words;

pub use words::{Language, Words};

use crate::commands::evidence::{Pack, SignOff};
use crate::render::words as plain;
use greenroom_model::process::{Process, Side};
use jiff::Timestamp;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#111}\
h1{font-size:1.6em}h2{font-size:1.15em;border-bottom:1px solid #888;margin-top:2em}table{border-collapse:collapse;width:100%;font-size:.93em}\
th,td{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;border-bottom:1px solid #ddd}th{font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}\
code{font-size:.9em;overflow-wrap:anywhere}.made-up{border:2px solid #a00;color:#a00;padding:.5em .8em;font-weight:600}.line td{height:2.6em}.dim{color:#555}\
@media print{body{margin:0;max-width:none;font-size:11px}h2{break-after:avoid}tr{break-inside:avoid}.made-up{color:#000;border-color:#000}}@page{margin:18mm}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Cells of a row, escaped.
fn row<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    format!("<tr>{}</tr>", cells.into_iter().map(|c| format!("<td>{}</td>", escaped(c))).collect::<String>())
}

fn table(head: &[&str], rows: &[String], none: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=dim>{}</p>", escaped(none));
    }
    let head: String = head.iter().map(|h| format!("<th>{}</th>", escaped(h))).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{}</tbody></table>", rows.concat())
}

struct Page<'a> {
    pack: &'a Pack,
    process: &'a Process,
    w: &'static Words,
}

impl Page<'_> {
    fn at(&self, at: Timestamp) -> String {
        self.process.calendar.local(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn maybe(&self, at: Option<Timestamp>) -> String {
        at.map_or(String::new(), |at| self.at(at))
    }

    fn person(&self, id: &str) -> String {
        self.process.persons.get(id).map_or_else(|| id.to_owned(), |p| p.name.clone())
    }

    fn gate(&self, id: &str) -> String {
        self.process.gates.get(id).map_or_else(|| id.to_owned(), |g| g.title.clone())
    }

    fn stage(&self, id: &str) -> String {
        self.process.stages.get(id).map_or_else(|| id.to_owned(), |s| s.title.clone())
    }

    fn signed(&self, s: &SignOff) -> String {
        let (w, said) = (
            self.w,
            if s.waived {
                self.w.waived
            } else if s.approved {
                self.w.approved
            } else {
                self.w.rejected
            },
        );
        let how = if s.with_key { w.by_key } else { w.by_login };
        row([self.at(s.at).as_str(), &self.person(&s.by), said, &self.gate(&s.gate), how, &s.seq.to_string()])
    }

    fn protocol(&self) -> String {
        let w = self.w;
        let go_live = |s: &&SignOff| {
            !s.waived
                && s.approved
                && self.process.gates.get(&s.gate).is_some_and(|g| self.process.go_live.contains(&g.stage) && g.side == Side::Exit)
        };
        let rows: Vec<String> = self.pack.sign_offs.iter().filter(go_live).map(|s| self.signed(s)).collect();
        let table = table(&[w.when, w.who, w.stands, w.gate, w.how_signed, w.events], &rows, w.nobody_signed);
        let says = if rows.is_empty() { String::new() } else { format!("<p>{}</p>", escaped(w.protocol_says)) };
        let parties =
            self.process.parties.values().map(|p| format!("<tr class=line><td>{}</td><td></td><td></td><td></td></tr>", escaped(&p.title)));
        let paper = format!(
            "<p>{}</p><table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>{}</tbody></table>",
            escaped(w.on_paper),
            w.party,
            w.name,
            w.date,
            w.signature,
            parties.collect::<String>()
        );
        format!("<h2>{}</h2>{says}{table}{paper}", escaped(w.protocol))
    }

    fn people(&self) -> String {
        let w = self.w;
        let rows: Vec<String> = self
            .process
            .persons
            .values()
            .map(|p| {
                let party = self.process.parties.get(&p.party).map_or("", |t| t.title.as_str());
                let roles: Vec<&str> = p.roles.iter().map(String::as_str).collect();
                row([p.name.as_str(), party, &roles.join(", ")])
            })
            .collect();
        format!("<h2>{}</h2>{}", w.people, table(&[w.name, w.party, w.roles], &rows, w.none))
    }

    fn stages(&self) -> String {
        let w = self.w;
        let stages: Vec<String> = self
            .pack
            .stages
            .iter()
            .map(|s| {
                let left = match s.good {
                    Some(false) => format!("{} ({})", self.maybe(s.left), w.failed),
                    _ => self.maybe(s.left),
                };
                row([s.title.as_str(), &self.maybe(s.date), &self.maybe(s.entered), &left])
            })
            .collect();
        let gates: Vec<String> = self
            .pack
            .gates
            .iter()
            .map(|g| {
                let side = if g.side == Side::Entry { w.before } else { w.after };
                let mut stands = if g.waived {
                    w.waived
                } else if g.met {
                    w.met
                } else {
                    w.not_met
                }
                .to_owned();
                if g.recommended {
                    stands.push_str(&format!(" ({})", w.recommended));
                }
                row([g.title.as_str(), &format!("{side}: {}", self.stage(&g.stage)), Words::one(w.kinds, &g.kind), &stands])
            })
            .collect();
        format!(
            "<h2>{}</h2>{}<h2>{}</h2>{}",
            w.stages,
            table(&[w.stage, w.agreed, w.entered, w.left], &stages, w.none),
            w.gates,
            table(&[w.gate, w.stage, w.kind, w.stands], &gates, w.none)
        )
    }

    fn decisions(&self) -> String {
        let w = self.w;
        let signed: Vec<String> = self.pack.sign_offs.iter().map(|s| self.signed(s)).collect();
        let ticks: Vec<String> =
            self.pack.ticks.iter().map(|t| row([self.gate(&t.gate).as_str(), &t.item, &self.person(&t.by), &self.at(t.at)])).collect();
        let files: Vec<String> = self
            .pack
            .files
            .iter()
            .map(|f| {
                let sums = format!("<code>BLAKE3 {}<br>SHA-256 {}</code>", f.blake3, escaped(&f.sha256));
                format!(
                    "<tr><td>{}</td><td>{}</td><td class=n>{}</td><td>{sums}</td></tr>",
                    escaped(&f.name),
                    self.at(f.at),
                    plain::thousands(f.bytes)
                )
            })
            .collect();
        format!(
            "<h2>{}</h2>{}<h2>{}</h2>{}<h2>{}</h2>{}",
            w.sign_offs,
            table(&[w.when, w.who, w.stands, w.gate, w.how_signed, w.events], &signed, w.none),
            w.checklists,
            table(&[w.gate, w.item, w.who, w.when], &ticks, w.none),
            w.files,
            table(&[w.file, w.when, w.bytes, ""], &files, w.none)
        )
    }

    fn cases(&self) -> String {
        let w = self.w;
        let line = |c: &greenroom_model::process::cases::CaseLine| {
            let (generation, by, at) =
                c.last.as_ref().map_or_else(Default::default, |l| (l.on.generation.to_string(), self.person(&l.by), self.at(l.at.at)));
            row([c.title.as_str(), Words::one(w.outcomes, c.stands), &generation, &by, &at])
        };
        let rows: Vec<String> = self.pack.cases.iter().map(line).collect();
        match rows.is_empty() {
            true => String::new(),
            false => format!("<h2>{}</h2>{}", w.cases, table(&[w.case, w.outcome, w.generation, w.who, w.when], &rows, w.none)),
        }
    }

    /// What people changed on the pilot: who noted what, and what nobody did.
    fn changes(&self) -> String {
        let w = self.w;
        let (notes, nobodys) = (&self.pack.notes, self.pack.nobodys.as_deref().unwrap_or_default());
        if notes.is_empty() && nobodys.is_empty() && self.pack.nobodys_unread.is_none() {
            return String::new();
        }
        let mut rows = Vec::new();
        for n in notes {
            let head = |what: &str, numbers: [u64; 3]| {
                let numbers = numbers.map(|n| if n == 0 { String::new() } else { plain::thousands(n) });
                let (by, at, generation) = (self.person(&n.by), self.at(n.at.at), n.note.generation.to_string());
                row([n.event.to_string().as_str(), &at, &by, &generation, what, &numbers[0], &numbers[1], &numbers[2]])
            };
            rows.extend(n.note.tables.iter().map(|t| head(&t.table, [t.inserted, t.changed, t.deleted])));
            rows.extend(n.note.schema.iter().map(|(kind, name, what)| {
                let at = ["made", "altered", "dropped"].iter().position(|word| word == what);
                head(&format!("{kind} {name}"), [0, 1, 2].map(|n| u64::from(at == Some(n))))
            }));
            rows.extend((n.note.more > 0).then(|| head(&format!("… + {}", plain::thousands(n.note.more)), [0; 3])));
        }
        let head = ["", w.when, w.who, w.generation, w.what, w.added, w.changed, w.deleted];
        let unread = self.pack.nobodys_unread.as_ref().map(|code| format!("<p>{} ({})</p>", escaped(w.changes_unread), escaped(code)));
        let open: Vec<String> = nobodys.iter().map(|(what, n)| row([what.as_str(), &plain::thousands(*n)])).collect();
        let open = match open.is_empty() {
            true => String::new(),
            false => format!("<p>{}</p>{}", escaped(w.changes_nobodys), table(&[w.what, w.changes_count], &open, w.none)),
        };
        format!("<h2>{}</h2>{}{}{open}", w.changes, table(&head, &rows, w.none), unread.unwrap_or_default())
    }

    fn tasks(&self) -> String {
        let w = self.w;
        let minutes = |m: u64| format!("{m} {}", w.minutes);
        let mut rows: Vec<String> = self
            .pack
            .tasks
            .iter()
            .map(|t| {
                let took = t.minutes_taken.map_or(String::new(), minutes);
                let who = t.by.as_deref().map_or(String::new(), |by| self.person(by));
                row([self.stage(&t.stage).as_str(), &t.title, &who, &minutes(t.minutes_quoted), &took, &self.maybe(t.done)])
            })
            .collect();
        let totals: Vec<String> = self
            .pack
            .times
            .iter()
            .map(|(party, (quoted, taken, cost))| {
                let title = self.process.parties.get(party).map_or(party.as_str(), |p| p.title.as_str());
                let cost = if *cost > 0 { format!("{}.{:02}", cost / 100, cost % 100) } else { String::new() };
                row([title, minutes(*quoted).as_str(), &minutes(*taken), &cost])
            })
            .collect();
        if rows.is_empty() {
            rows.push(row([w.none]));
        }
        format!(
            "<h2>{}</h2>{}<p></p>{}",
            w.tasks,
            table(&[w.stage, w.task, w.who, w.quoted, w.took, w.when], &rows, w.none),
            table(&[w.total, w.quoted, w.took, w.cost], &totals, w.none)
        )
    }

    fn runs(&self) -> String {
        let w = self.w;
        let mut out = format!("<h2>{}</h2>", w.runs);
        let rows: Vec<String> = self
            .pack
            .runs
            .iter()
            .map(|r| {
                let verdicts = r.verdicts.iter().map(|v| {
                    let said = if v.passed { w.passed } else { w.did_not_pass };
                    let list = |title: &str, lines: &[String]| {
                        lines.iter().map(|l| format!("<br><span class=dim>{}: {}</span>", escaped(title), escaped(l))).collect::<String>()
                    };
                    format!(
                        "{}: {said}{}{}{}",
                        escaped(&v.what),
                        list(w.compared, &v.compared),
                        list(w.not_compared, &v.not_compared),
                        list(w.differs, &v.differences)
                    )
                });
                format!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td class=n>{}</td><td>{}</td></tr>",
                    escaped(&r.run),
                    self.at(r.began),
                    escaped(Words::one(w.phases, &r.phase)),
                    escaped(&plain::millis(r.worked_millis)),
                    verdicts.collect::<Vec<_>>().join("<br>")
                )
            })
            .collect();
        out.push_str(&table(&[w.run, w.when, w.ended, w.lasted, w.verified], &rows, w.none));
        let points: Vec<String> = self
            .pack
            .restore_points
            .iter()
            .map(|p| row([p.backup.as_str(), &self.at(p.at), &plain::thousands(p.rows), &plain::millis(p.millis)]))
            .collect();
        out.push_str(&format!("<h2>{}</h2>{}", w.restore_points, table(&[w.backup, w.when, w.rows, w.lasted], &points, w.none)));
        out
    }

    fn requirements(&self) -> String {
        let w = self.w;
        if self.pack.covered.is_empty() {
            return String::new();
        }
        let line = |(id, by): (&String, &Vec<greenroom_model::process::covered::Shown>)| {
            let rows = by.iter().map(|s| {
                let events: Vec<String> = s.events.iter().map(u64::to_string).collect();
                let events = if events.is_empty() { w.not_yet.to_owned() } else { events.join(", ") };
                row([id.as_str(), &s.by, &events])
            });
            rows.collect::<String>()
        };
        let rows: Vec<String> = self.pack.covered.iter().map(line).collect();
        format!("<h2>{}</h2>{}", w.requirements, table(&[w.requirement, w.shown_by, w.events], &rows, w.none))
    }

    fn record(&self) -> String {
        let w = self.w;
        let rows: Vec<String> = self
            .pack
            .decisions
            .iter()
            .map(|d| {
                let by = d.by.as_deref().map_or(String::new(), |by| self.person(by));
                row([d.seq.to_string().as_str(), &self.at(d.at), &by, Words::one(w.facts, &d.fact), &d.about])
            })
            .collect();
        let jumps: Vec<String> = self.pack.clock_went_back_at.iter().map(u64::to_string).collect();
        let jumps = if jumps.is_empty() { String::new() } else { format!("<p>{} {}</p>", escaped(w.clock), jumps.join(", ")) };
        format!(
            "<h2>{}</h2><p>{}</p><p>{} {}: <code>{}</code></p>{jumps}{}",
            w.record,
            escaped(w.record_says),
            w.head,
            self.pack.events,
            self.pack.head,
            table(&["", w.when, w.who, w.what, ""], &rows, w.none)
        )
    }
}

/// The page.
pub fn page(pack: &Pack, process: &Process, language: Language) -> String {
    let p = Page { pack, process, w: Words::of(language) };
    let made_up = if pack.simulated { format!("<p class=made-up>{}</p>", escaped(p.w.simulated)) } else { String::new() };
    let title = format!("{}: {}", p.w.title, pack.program);
    format!(
        "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{1}</title><style>{STYLE}</style>\
         <h1>{1}</h1>{made_up}<p class=dim>{2} {3}, {4} {5}</p>{6}{7}{8}{9}{10}{11}{12}{13}{14}{15}{16}</html>\n",
        p.w.code,
        escaped(&title),
        escaped(p.w.made),
        p.at(pack.made),
        escaped(p.w.times_of),
        escaped(&process.calendar.zone),
        p.protocol(),
        p.stages(),
        p.decisions(),
        p.audits(),
        p.cases(),
        p.changes(),
        p.tasks(),
        p.runs(),
        p.requirements(),
        p.people(),
        p.record(),
    )
}
