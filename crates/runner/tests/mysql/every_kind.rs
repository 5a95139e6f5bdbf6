//! A database with objects of every kind that MariaDB has, copied while it is written to: each arrives, events disabled, rows of one moment;
//! what is refused is named. `cargo xtask bench mariadb` does the same with a million rows.

use crate::scene::{open, rehearse};
use greenroom_runner::execute::Ended;
use greenroom_runner::ports::Silent;
use greenroom_runner::session::SessionError;
use greenroom_testkit::files;
use greenroom_testkit::maria::{self, Database};
use greenroom_testkit::writer::Writer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tables that the writer changes: compared by what each of its transactions leaves together.
const WRITTEN: &[&str] = &["client", "visit", "no_key", "log", "device", "in_memory"];

/// A transaction that changes several tables at once, so that half of it would be seen.
fn transaction(n: u64) -> String {
    let (id, row) = (1 + n % 150, 1_000_000 + n);
    format!(
        "start transaction; insert into visit (client_id, at, state, note) values ({id}, now(), '', 'writer {n}'); insert into no_key values ({row}, 'writer');
         update device set client_id = {id} where client_id = {}; update client set `order` = {row} where id = {id};
         delete from visit where note = 'writer {}'; delete from no_key where a = {}; commit;",
        id + 1,
        n.wrapping_sub(7),
        1_000_000 + n.wrapping_sub(7) % 1_000_000_000,
    )
}

/// Every object's kind, name and definition, without what differs between a database and its copy: definers, positions, states of events,
/// the order of keys.
fn definitions(database: &Database) -> BTreeMap<(String, String), String> {
    let listed = "select if(table_type = 'SEQUENCE', 'sequence', if(table_type = 'VIEW', 'view', 'table')), table_name from information_schema.tables where table_schema = database()
        union all select lower(routine_type), routine_name from information_schema.routines where routine_schema = database()
        union all select 'trigger', trigger_name from information_schema.triggers where trigger_schema = database()
        union all select 'event', event_name from information_schema.events where event_schema = database()";
    let mut found = BTreeMap::new();
    for line in database.query(listed).lines() {
        let (kind, name) = line.split_once('\t').unwrap();
        if name.starts_with("greenroom_") || name == "price_history" {
            continue;
        }
        // The mode and what stands beside the text are printed too: they are part of the object.
        let shown = database.query(&format!("set sql_mode = ''; show create {kind} `{}`", name.replace('`', "``")));
        found.insert((kind.to_owned(), name.to_owned()), normal(kind, &shown, database.name()));
    }
    found
}

fn normal(kind: &str, shown: &str, database: &str) -> String {
    let spelled = [format!("`{database}`."), format!("\"{database}\"."), format!("{database}.")];
    let mut text = spelled.iter().fold(shown.to_owned(), |text, name| text.replace(name, ""));
    for quote in ['`', '"'] {
        while let Some(at) = text.find(&format!("DEFINER={quote}")) {
            let rest = &text[at..];
            let end = rest.find(' ').unwrap_or(rest.len());
            text.replace_range(at..at + end + 1, "");
        }
    }
    match kind {
        "table" => {
            let (options, mut lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.starts_with(')') || !l.starts_with("  "));
            lines.sort_unstable();
            let lines: Vec<&str> = lines.iter().map(|l| l.trim_end_matches(',')).collect();
            let words = options.join("\n");
            let kept: Vec<&str> = words.split(' ').filter(|w| !w.starts_with("AUTO_INCREMENT=")).collect();
            format!("{}\n{}", lines.join("\n"), kept.join(" "))
        }
        // The moment at which it was made.
        "trigger" => text.split('\t').filter(|part| !part.starts_with("20")).collect::<Vec<_>>().join("\t"),
        "event" => text.replacen(" PRESERVE ENABLE", " PRESERVE DISABLE", 1),
        _ => text,
    }
}

/// Number and checksum of a table's rows.
fn rows(database: &Database, table: &str) -> String {
    let columns = database.query(&format!(
        "select group_concat(concat('hex(', if(data_type in ('float', 'double'), '0e0 + ', ''), '`', replace(column_name, '`', '``'), '`)') order by ordinal_position separator ', ') \
         from information_schema.columns where table_schema = database() and table_name = '{table}'"
    ));
    let concat = format!("concat_ws('|', {})", columns.replace("hex(0e0 + ", "(0e0 + "));
    database.query(&format!("select count(*), coalesce(sum(crc32({concat})), 0) from `{table}`"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_every_kind_arrive_while_their_database_is_written_to() {
    let server = greenroom_testkit::mariadb!();
    let production = server.database("every");
    production.run(&format!("set @rows = 2000;\n{}", maria::OBJECTS));
    // Names of its own database in every spelling, which must not lead back to it.
    let own = production.name();
    production.run(&format!(
        "set sql_mode = 'ANSI_QUOTES'; create procedure named() select count(*) from \"{own}\".\"hen\", {own}.egg, `{own}`.`hen` h;\nset collation_connection = utf8mb4_polish_ci; \
         create function collated() returns varchar(60) deterministic return collation('a');"
    ));
    let folder = files::folder();
    let program = |rest: &str| {
        let text = format!(
            "[program]\nname = \"every\"\n[source]\nengine = \"mysql\"\nhost = \"{}\"\ndatabase = \"{}\"\nuser = \"root\"\n[pilot]\nname = \"every_pilot\"\n\
             [copy]\nrange_rows = 100\nmax_bytes_per_second = 400000\n{rest}\n",
            server.socket().display(),
            production.name()
        );
        files::write(folder.path(), "greenroom.toml", text);
    };
    files::write(folder.path(), "columns.toml", production.query(maria::COLUMNS));

    // What cannot be carried is refused by name.
    program("");
    let Err(SessionError::Findings(findings)) = open(folder.path(), Arc::new(Silent)).plan().await else { panic!("nothing was refused") };
    let refused: Vec<_> = findings.iter().filter(|f| f.code == "GR0210").map(|f| f.message.as_str()).collect();
    assert_eq!(
        refused,
        ["`price_history` cannot be carried: system-versioned: the history of its rows cannot be carried"],
        "{findings:#?}"
    );

    program("[leave_out]\nprice_history = \"its history is kept elsewhere\"");
    let session = open(folder.path(), Arc::new(Silent));
    let plan = session.plan().await.unwrap_or_else(|e| panic!("{e}: {e:#?}")).1;
    for (table, engine) in [("in_aria", "Aria"), ("in_csv", "CSV"), ("in_memory", "MEMORY"), ("in_myisam", "MyISAM")] {
        let said = plan.footprint.not_carried.iter().find(|(n, _)| n.ends_with(table)).unwrap_or_else(|| panic!("{table} is not told"));
        assert!(said.1.contains(engine), "{said:?}");
    }

    let before = definitions(&production);
    let writer = Writer::mariadb(&production, Duration::from_millis(3), transaction);
    let ended = rehearse(&session).await.1;
    let written = writer.stop();
    assert_eq!(ended, Ended::Finished);
    assert!(written > 20, "only {written} transactions");

    let pilot = server.existing(&server.maintenance().query("select stands_for from greenroom.pilot_name where name = 'every_pilot'"));
    let after = definitions(&pilot);
    for (object, definition) in &before {
        assert_eq!(after.get(object), Some(definition), "{object:?}");
    }
    assert_eq!(after.len(), before.len());
    assert_eq!(
        pilot.query("select group_concat(distinct status) from information_schema.events where event_schema = database()"),
        "DISABLED"
    );

    // One moment: transactions of the writer are there whole, in order, and no trigger fired while rows were loaded.
    let together = pilot.query(
        "select (select count(*) from visit v join log l on l.what = concat('visit; ', v.id) where v.client_id < 151 and v.id > 1000), count(*), max(a) - min(a) + 1 from no_key where b = 'writer'",
    );
    let together: Vec<&str> = together.split('\t').collect();
    assert!(together.iter().all(|n| *n == together[1]), "{together:?}");
    let last = pilot.query("select (select max(a) from no_key), (select max(`order`) from client)");
    assert_eq!(last.split_once('\t').map(|(a, b)| a == b), Some(true), "{last}");
    for (_, table) in before.keys().filter(|(kind, name)| kind == "table" && !WRITTEN.contains(&name.as_str())) {
        assert_eq!(rows(&pilot, table), rows(&production, table), "{table}");
    }
    let same = "select count(*), sum(crc32(concat_ws('|', id, hex(polish), hex(kana), hex(pairs), born, seen, debt, state, flags, hex(extras), hex(blurb), ticket_no, hex(`key`)))) from client";
    assert_eq!(pilot.query(same), production.query(same));
    assert_eq!(pilot.query("select count(*) from client where born in ('0000-00-00', '2020-00-12', '2021-02-31')"), "30");
    let masked = "select md5(group_concat(name, mail, slavic, hex(wide), phone order by id)) from client";
    assert_ne!(pilot.query(masked), production.query(masked));
    assert_eq!(
        pilot.query("select count(*), sum(slavic regexp 'd.* [0-9]'), sum(wide like 'α%'), sum(secret = '') from client"),
        "200\t0\t0\t200"
    );

    // What stands alone works: packages, routines under their modes, views, positions.
    assert_eq!(
        pilot.query(
            "select twice(21); call slashes(); call `in ansi`('y'); set sql_mode = 'ORACLE'; select bills.total(10); call uses_bills()"
        ),
        "42\n\\\t'\nxy\n40\ny8"
    );
    assert_eq!(pilot.query("call named()"), "8");
    assert_eq!(pilot.query("select collated()"), "utf8mb4_polish_ci");
    assert_eq!(pilot.query("select n from a_of_b"), "199");
    let next = "select auto_increment from information_schema.tables where table_schema = database() and table_name = 'by_hash'";
    assert_eq!(pilot.query(next), production.query(next));
    let (ours, theirs): (u64, u64) =
        (pilot.query("select nextval(ticket)").parse().unwrap(), production.query("select nextval(ticket)").parse().unwrap());
    assert!(ours >= theirs, "{ours} was given out in production");
    assert_eq!(pilot.query("select nextval(countdown)"), "-2");
}
