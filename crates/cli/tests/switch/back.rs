//! Taking a switch back where more than rows of the same shape are at stake: tables that the upgrade remade and the program's SQL gives back, document numbers, what the former
//! version refuses, large objects.

use crate::ground::{Ground, Postgres, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;
use std::path::PathBuf;

const TABLES: &str = "create table client (id integer primary key, name varchar(40) not null check (length(name) < 30));
insert into client values (1, 'Ann Real'), (2, 'Bob Real'), (3, 'Cid Real');
create table invoice (id integer primary key, number varchar(20) not null unique, client integer not null);
insert into invoice values (1, 'R2026-0001', 1), (2, 'R2026-0002', 1), (4, 'R2026-0004', 2), (5, 'R2026-0005', 3);
create table counter (name varchar(20) primary key, next integer not null);
insert into counter values ('invoice', 6);
create table voucher (id integer primary key, number integer not null);
insert into voucher values (1, 770001), (2, 770002);
create table voucher_counter (id integer primary key, next integer not null);
insert into voucher_counter values (1, 770003);
";

const UPGRADE: &str = "create table person (id integer primary key, one varchar(60) not null);
create table person_extra (id integer primary key, two varchar(60));
insert into person select id, replace(name, ' Real', '') from client;
insert into person_extra select id, 'Real' from client;
drop table client;
alter table voucher add code varchar(20);
update voucher set code = 'V-' || number;
alter table voucher drop column number;
drop table voucher_counter;
create table voucher_counter (id integer primary key, next varchar(10) not null);
insert into voucher_counter values (1, '770003');
";

const COLUMNS: &str = "[client]\nid = \"keep\"\nname = { mask = \"full_name\", identity = \"id\" }\n[invoice]\nid = \"keep\"\nnumber = \"keep\"\nclient = \"keep\"\n\
    [counter]\nname = \"keep\"\nnext = \"keep\"\n[voucher]\nid = \"keep\"\nnumber = \"keep\"\ncode = { keep = true, after_upgrade = true }\n\
    [voucher_counter]\nid = \"keep\"\nnext = \"keep\"\n[receipt]\nid = \"keep\"\nno = \"keep\"\n\
    [person]\nid = { keep = true, after_upgrade = true }\none = { keep = true, after_upgrade = true }\n\
    [person_extra]\nid = { keep = true, after_upgrade = true }\ntwo = { keep = true, after_upgrade = true }\n";

const NUMBERS: &str = "[[numbers]]\nname = \"invoices\"\ntable = \"invoice\"\ncolumn = \"number\"\nprefix = \"R\"\nnext = \"select next from counter where name = 'invoice'\"\n\
    [[numbers]]\nname = \"vouchers\"\ntable = \"voucher\"\ncolumn = \"number\"\nnext = \"select next from voucher_counter\"\nafter = { column = \"code\", prefix = \"V-\" }\n\
    [[numbers]]\nname = \"receipts\"\ntable = \"receipt\"\ncolumn = \"no\"\n";

fn inverse(select: &str, touched_by: &str) -> String {
    format!("[[rollback.inverse]]\ntable = \"client\"\nselect = \"{select}\"\ntouched_by = [{touched_by}]\n")
}

const SELECT: &str = "select p.id, p.one || coalesce(' ' || x.two, '') as name from person p left join person_extra x on x.id = p.id";

struct Play<'g> {
    ground: &'g dyn Ground,
    backup: Box<dyn Fn() -> PathBuf + 'g>,
    /// Large objects are there, and people write into them.
    objects: bool,
}

impl Play<'_> {
    fn done(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.ground.greenroom().args(arguments).finish();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    fn ask(&self, sql: &str) -> String {
        self.ground.query("source", sql).unwrap().trim().replace('\r', "")
    }

    /// What stands in the folder of the latest run.
    fn listed(&self) -> String {
        let runs = self.ground.folder().join("program/.greenroom/runs");
        let status: serde_json::Value = serde_json::from_str(&self.done(&["status", "--json"], 0).stdout).unwrap();
        let id = status["run"]["run"].as_str().unwrap().to_owned();
        fs::read_to_string(runs.join(id).join("numbers.txt")).unwrap_or_default()
    }
}

fn play(play: &Play<'_>) {
    let program = play.ground.folder().join("program");
    fs::create_dir_all(program.join("upgrade")).unwrap();
    let settings = program.join("greenroom.toml");
    let quarantine = if play.ground.engine() == "sqlite" { "path = \"quarantine\"\n" } else { "" };
    let large = if play.objects { "[copy]\nlarge_objects = \"keep\"\n" } else { "" };
    let text = format!(
        "{}[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n{quarantine}{large}[switch]\nminutes = 60\nrollback_hours = 48\nstrategy = \"in-place\"\n",
        play.ground.databases()
    );
    let write = |more: &str| fs::write(&settings, format!("{text}{NUMBERS}{more}")).unwrap();
    fs::write(program.join("columns.toml"), COLUMNS).unwrap();
    let script = program.join("upgrade/1.sql");

    // What does not fit is told before anything is copied.
    write(&inverse(SELECT, "\"person\"").replace("\"client\"", "\"clients\""));
    fs::write(&script, UPGRADE).unwrap();
    let checked = play.ground.greenroom().args(["check"]).finish();
    assert!(
        checked.code != Some(0) && format!("{checked:?}").contains("the inverse of `clients` names the table `clients`"),
        "{checked:?}"
    );

    // An upgrade that loses a document is asked about; nobody takes it on.
    write("");
    fs::write(&script, format!("{UPGRADE}delete from invoice where id = 2;\nupdate counter set next = 5;\n")).unwrap();
    let asked = play.done(&["dress"], 5).stdout;
    assert!(asked.contains("document numbers `invoices`: 1 is lost") && asked.contains("the counter stands behind"), "{asked}");
    assert_eq!(play.listed(), "invoices 2026-: lost: 2\ninvoices: the counter gives 5 next, and 5 was given already\n");
    play.done(&["answer", "refuse", "--quiet"], 0);
    play.done(&["resume", "--quiet"], 0);
    fs::write(&script, UPGRADE).unwrap();

    // A query that does not give the former columns, and one that reads what `touched_by` does not name.
    write(&inverse("select id, one as nam from person", "\"person\""));
    let wrong = play.done(&["dress"], 4);
    assert!(format!("{wrong:?}").contains("GR0782"), "{wrong:?}");
    play.done(&["undo", "--yes", "--quiet"], 0);
    write(&inverse(SELECT, "\"person\""));
    let wrong = play.done(&["dress"], 4);
    assert!(format!("{wrong:?}").contains("GR0783"), "{wrong:?}");
    play.done(&["undo", "--yes", "--quiet"], 0);
    write(&inverse(SELECT, "\"person\", \"person_extra\""));
    play.done(&["dress", "--quiet"], 0);
    let shown = play.done(&["run", "show"], 0).stdout;
    assert!(shown.contains("document numbers") && !shown.contains("table person:"), "{shown}");
    play.done(&["prove", (play.backup)().to_str().unwrap(), "--yes", "--quiet"], 0);

    play.done(&["switch", "--now", "--yes", "--quiet"], 5);
    play.done(&["answer", "accept", "--quiet"], 0);
    play.done(&["resume", "--quiet"], 0);
    assert_eq!(play.ask("select one from person order by id"), "Ann\nBob\nCid");

    // People write: a row that the former version forbids, numbers of every kind.
    let long = "x".repeat(40);
    play.ground.write(
        "source",
        &format!(
            "update person set one = 'Anna' where id = 1; delete from person where id = 3; delete from person_extra where id = 3;
             insert into person values (4, '{long}'); insert into person_extra values (4, 'New'); update person_extra set two = 'Wed' where id = 2;
             insert into invoice values (6, 'R2026-0006', 4); update counter set next = 7;
             insert into receipt (id) values (7); insert into receipt (id) values (8);
             insert into voucher values (3, 'V-770031'); update voucher_counter set next = '770032'"
        ),
    );
    if play.objects {
        play.ground.write("source", "select lo_put(4001, 2, 'NEW'), lo_truncate(lo_open(4003, 131072), 1), lo_unlink(4002), lo_from_bytea(4009, 'fresh'); grant select on large object 4009 to public");
    }
    let preview = play.done(&["rollback", "--preview"], 0).stdout;
    assert!(preview.contains("GR0784") && preview.contains("table client:"), "{preview}");
    assert!(preview.contains("vouchers: lost: 770031") && preview.contains("person: 3, as rows of client"), "{preview}");
    assert!(preview.contains("client: 4; 1 inserted, 2 updated, 1 deleted"), "{preview}");
    // It was only tried: what is refused sends everything back, and the former version never got it.
    let refused = format!("{:?}", play.done(&["rollback", "--sign-away", "--yes"], 4));
    assert!(refused.contains("could not carry a row of") && refused.contains("is open as it was"), "{refused}");
    play.ground.write("source", "update person set one = 'Dora' where id = 4");
    let preview = play.done(&["rollback", "--preview"], 0).stdout;
    assert!(preview.contains("all of it, tried and given up again") && !preview.contains("GR0784"), "{preview}");

    // Nobody gives up a number without being asked, nor takes it on that one is given twice.
    let asked = play.done(&["rollback", "--yes"], 5).stdout;
    assert!(asked.contains("document numbers `vouchers`: 1 is lost"), "{asked}");
    assert!(!asked.contains("`invoices`: 1 is lost"), "{asked}");
    assert_eq!(asked.contains("compared whole: large objects: 1 new, 2 changed, 1 removed"), play.objects, "{asked}");
    assert!(play.listed().contains("vouchers: lost: 770031"), "{}", play.listed());
    play.done(&["answer", "go", "--quiet"], 0);
    let asked = play.done(&["resume"], 5).stdout;
    assert!(asked.contains("document numbers `vouchers`: the counter stands behind numbers that were given"), "{asked}");
    assert!(play.listed().contains("vouchers: the counter gives 770003 next, and 770031 was given already"), "{}", play.listed());
    play.done(&["answer", "refuse", "--quiet"], 0);
    play.done(&["resume", "--quiet"], 0);
    assert_eq!(play.ask("select one from person order by id"), "Anna\nBob\nDora", "the new production is open again");
    play.done(&["rollback", "--sign-away", "--yes", "--quiet"], 5);
    play.done(&["answer", "go", "--quiet"], 0);
    play.done(&["resume", "--quiet"], 0);

    assert_eq!(
        play.ask("select id, name from client order by id"),
        "1|Anna Real\n2|Bob Wed\n4|Dora New",
        "made of two tables, and of nobody else's rows"
    );
    assert_eq!(play.ask("select number from invoice order by number"), "R2026-0001\nR2026-0002\nR2026-0004\nR2026-0005\nR2026-0006");
    assert_eq!(play.ask("select next from counter"), "7");
    assert_eq!(play.ask("select number from voucher order by id"), "770001\n770002");
    let last: u64 = play.ask("select max(no) from receipt").parse().unwrap();
    play.ground.write("source", "insert into receipt (id) values (9)");
    assert_eq!(play.ask("select no from receipt where id = 9").parse::<u64>().unwrap(), last + 1, "the counter goes on");
    if play.objects {
        let objects = "select string_agg(oid || ' ' || convert_from(lo_get(oid), 'UTF8'), ', ' order by oid) from pg_largeobject_metadata";
        assert_eq!(play.ask(objects), "4001 olNEWject, 4003 t, 4009 fresh");
        assert_eq!(
            play.ask("select lomacl::text like '%,=r/%' or lomacl::text like '{=r/%' from pg_largeobject_metadata where oid = 4009"),
            "t"
        );
    }
    // Numbers are row values: none is on record.
    let journal = fs::read(program.join(".greenroom/journal.db")).unwrap();
    let holds = |text: &str| journal.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("document numbers `vouchers`") && !holds("770031") && !holds("2026-0"), "a number is in the journal");
}

#[test]
fn what_the_upgrade_remade_and_its_numbers_are_taken_back_on_sqlite() {
    let ground = Sqlite::new();
    ground.fill(&format!(
        "{TABLES} create table receipt (id integer, no integer primary key autoincrement); insert into receipt (id) values (1), (2);"
    ));
    let (file, path) = (ground.folder().join("source.db"), ground.folder().join("backup.db"));
    play(&Play {
        ground: &ground,
        backup: Box::new(|| {
            let copy = format!("vacuum into '{}'", path.display());
            rusqlite::Connection::open(&file).unwrap().execute_batch(&copy).unwrap();
            path.clone()
        }),
        objects: false,
    });
}

#[test]
fn what_the_upgrade_remade_and_its_numbers_are_taken_back_on_postgres() {
    let server = greenroom_testkit::postgres!();
    let ground = Postgres::new(server, "back");
    ground.fill(&format!(
        "{TABLES} create table receipt (id integer, no serial primary key); insert into receipt (id) values (1), (2);
         select lo_from_bytea(4001, 'oldobject'); select lo_from_bytea(4002, 'goes'); select lo_from_bytea(4003, 'three')"
    ));
    let database = server.existing(&ground.query("source", "select current_database()").unwrap());
    let path = ground.folder().join("backup.dump");
    play(&Play {
        ground: &ground,
        backup: Box::new(|| {
            let dumped = database.command("pg_dump").args(["-Fc", "-f"]).arg(&path).output().unwrap();
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            path.clone()
        }),
        objects: true,
    });
}
