//! The clinic's production database. Owns what is in it (REQUIREMENTS.md E1–E4); the same on every machine and every day but for dates,
//! which count from the day it is made. Everybody in it is made up.

mod clients;
mod draw;
mod machinery;
mod notes;
mod people;

use draw::Draw;
use rusqlite::Connection;
use std::path::Path;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Clients typed in at the desk or taken over in 2009.
    pub clients: i64,
    /// Clients of the import of 2009 who had a file already: what nobody knows of. At most a 28th of `clients`.
    pub twice: i64,
}

/// The size of the demo.
pub(super) const CLINIC: Size = Size { clients: 30_000, twice: 23 };

/// Workers.
const WORKERS: i64 = 120;

/// What was made, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub clients: i64,
    pub workers: i64,
    pub appointments: i64,
    pub notes: i64,
    pub attachments: i64,
    pub queued: i64,
    pub tables: i64,
}

/// Makes the database in a file that does not exist yet.
pub(super) fn make(path: &Path, size: Size) -> rusqlite::Result<Made> {
    let mut c = Connection::open(path)?;
    // Whoever is interrupted starts again from nothing, so nothing has to survive a loss of power.
    c.pragma_update(None, "synchronous", "OFF")?;
    c.execute_batch(include_str!("schema.sql"))?;
    let today = Day::today(&c)?;
    let tx = c.transaction()?;
    let mut draw = Draw::new(2009);
    machinery::configuration(&tx, &mut draw)?;
    machinery::workers(&tx, &mut draw, today)?;
    clients::all(&tx, &mut draw, today, size)?;
    machinery::queues(&tx, &mut draw, today, size)?;
    tx.commit()?;
    c.execute_batch("ANALYZE")?;
    let made = made(&c)?;
    // The last connection folds the write-ahead log into the file.
    c.close().map_err(|(_, e)| e)?;
    Ok(made)
}

fn made(c: &Connection) -> rusqlite::Result<Made> {
    let count = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0));
    Ok(Made {
        clients: count("SELECT count(*) FROM client")?,
        workers: count("SELECT count(*) FROM worker")?,
        appointments: count("SELECT count(*) FROM appointment")?,
        notes: count("SELECT count(*) FROM note")?,
        attachments: count("SELECT count(*) FROM attachment")?,
        queued: count(
            "SELECT (SELECT count(*) FROM communication_queue) + (SELECT count(*) FROM mail_server_queue) \
             + (SELECT count(*) FROM action_trigger_queue) + (SELECT count(*) FROM government_queue)",
        )?,
        tables: count(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name <> 'sqlite_schema' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )?,
    })
}

/// Days since 1970, written as SQLite writes dates.
#[derive(Clone, Copy)]
struct Day(i64);

impl Day {
    fn today(c: &Connection) -> rusqlite::Result<Day> {
        c.query_row("SELECT unixepoch('now') / 86400", [], |r| r.get(0)).map(Day)
    }

    fn ago(self, days: i64) -> Day {
        Day(self.0 - days)
    }

    /// `2024-05-01`; after Howard Hinnant, chrono-compatible low-level date algorithms, `civil_from_days`.
    fn date(self) -> String {
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let of_era = z.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `2024-05-01 10:30:00`.
    fn at(self, draw: &mut Draw) -> String {
        format!("{} {:02}:{:02}:00", self.date(), draw.between(8, 17), 15 * draw.below(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_sqlite_writes_them() {
        let c = Connection::open_in_memory().unwrap();
        for day in [-40_000, -1, 0, 58, 59, 11_016, 14_245, 20_000, 47_541] {
            let sql = format!("SELECT date({day} * 86400, 'unixepoch')");
            assert_eq!(Day(day).date(), c.query_row(&sql, [], |r| r.get::<_, String>(0)).unwrap());
        }
    }

    #[test]
    fn the_clinic_is_the_same_each_time_and_twenty_three_clients_are_in_it_twice() {
        let folder = tempfile::tempdir().unwrap();
        let sums = |name: &str| {
            let path = folder.path().join(name);
            make(&path, Size { clients: 700, twice: 23 }).unwrap();
            let c = Connection::open(path).unwrap();
            let text = |sql: &str| c.query_row(sql, [], |r| r.get::<_, String>(0)).unwrap();
            let twice = "SELECT (count(*) - count(DISTINCT upper(replace(file_no, ' ', '')))) || '' FROM client";
            assert_eq!(text(twice), "23");
            assert_eq!(text("SELECT count(*) || '' FROM pragma_foreign_key_check"), "0");
            text("SELECT sum(length(body)) || ' ' || (SELECT group_concat(last_name, '') FROM client) FROM note")
        };
        assert_eq!(sums("one.db"), sums("two.db"));
    }
}
