//! `greenroom switch` over the real binary: a program of production's goes on writing while production is switched, killed at random moments, gone on
//! with, refused, taken back. What it was told is stored must be in production whatever happened, once, and never can two sides be written to.

mod back;
mod elsewhere;
mod mariadb;
mod together;

use crate::fence::rights;
use crate::ground::{Ground, Postgres, Sqlite};
use greenroom_testkit::proc::{Ended, wait_until};
use greenroom_testkit::recorder::Recorder;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Kills before a switch is carried through.
const ROUNDS: u64 = 12;

/// How often something is killed: a part of [`ROUNDS`], or as often as `GREENROOM_SWITCH_ROUNDS` says.
fn rounds(part: u64) -> u64 {
    std::env::var("GREENROOM_SWITCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS.div_ceil(part))
}

const TABLES: &str = "create table recorded (n integer primary key);
create table client (id integer primary key, name varchar(40));
create table status (id integer primary key, label varchar(20));
create table code (c varchar(20) primary key, n integer not null unique);
create table branch (id integer primary key, up integer references branch (id));
insert into client values (1, 'Ann Real'), (2, 'Bob Real');
create table spare (id integer primary key);
insert into code values ('one', 1), ('two', 2), ('three', 3);
insert into branch values (1, null), (2, 1), (3, 2);
insert into status values (1, 'open'), (2, 'closed');
";

const COLUMNS: &str = "[recorded]\nn = \"keep\"\n[client]\nid = \"keep\"\nname = { mask = \"full_name\", identity = \"id\" }\n\
    active = { keep = true, after_upgrade = true, derived_from = [\"client.id\"] }\n[status]\nid = \"keep\"\nlabel = \"keep\"\n\
    [code]\nc = \"keep\"\nn = \"keep\"\n[spare]\nid = \"keep\"\n[branch]\nid = \"keep\"\nup = \"keep\"\n[counted]\nid = \"keep\"\nt = \"keep\"\n";

/// Writes a row; what the engine says when it refuses.
type Write<'g> = dyn Fn(&str) -> Result<(), String> + 'g;

/// Types lines of the card.
type Typed<'g> = dyn Fn(&[&str]) + 'g;

/// One engine's production with a program that uses it.
struct Scene<'g> {
    ground: &'g dyn Ground,
    /// How many times slower than the quickest engine.
    pace: u64,
    recorder: Box<dyn Fn() -> Recorder + 'g>,
    /// Everything that says whose production is and who may do what there.
    doors: Box<dyn Fn() -> String + 'g>,
    /// What people write that is hard to carry back on this engine.
    hard: &'static str,
    /// How many triggers of ours stand in production.
    noted: Box<dyn Fn() -> String + 'g>,
    /// Backs production up by the engine's own means.
    backup: Box<dyn Fn() -> PathBuf + 'g>,
    /// Types the lines of the card that are commands or statements.
    typed: Box<Typed<'g>>,
    /// Writes as the application does into what `greenroom status` calls so.
    write_as_app: Box<Write<'g>>,
}

impl Scene<'_> {
    fn greenroom(&self, arguments: &[&str]) -> Ended {
        self.ground.greenroom().args(arguments).finish()
    }

    fn done(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.greenroom(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    /// What refuses the switch now.
    fn refused(&self) -> String {
        let ended = self.done(&["switch", "--preview"], 4);
        assert!(ended.stdout.contains("the switch is refused"), "{ended:?}");
        let begun = self.greenroom(&["switch", "--now", "--yes"]);
        assert_eq!(begun.code, Some(1), "what the preview refuses must be refused: {begun:?}");
        ended.stdout
    }

    fn stored(&self) -> BTreeSet<u64> {
        let rows = self.ground.query("source", "select n from recorded").unwrap();
        rows.lines().map(|n| n.trim().parse().unwrap()).collect()
    }

    /// Nothing that was acknowledged is missing from what stands under production's name.
    fn keeps(&self, recorder: &Recorder, what: &str) {
        let acknowledged = recorder.acknowledged();
        let stored = self.stored();
        let missing: Vec<&u64> = acknowledged.iter().filter(|n| !stored.contains(n)).collect();
        assert!(missing.is_empty(), "{what}: acknowledged and not stored: {missing:?}");
    }

    fn works(&self, recorder: &Recorder, what: &str) {
        let so_far = recorder.acknowledged().len();
        wait_until(&format!("the program writes again ({what})"), PATIENCE, || recorder.acknowledged().len() > so_far + 2);
    }

    fn run(&self) -> serde_json::Value {
        let status: serde_json::Value = serde_json::from_str(&self.greenroom(&["status", "--json"]).stdout).unwrap();
        status["run"].clone()
    }

    /// What was production cannot be written to once another database bears its name.
    ///
    /// Whether it is aside.
    fn former_is_shut(&self, what: &str) -> bool {
        let aside = self.ground.told("former production").is_some();
        if aside {
            let refused = (self.write_as_app)("former production").expect_err(what);
            let fenced = ["fenced by greenroom", "permission denied for database"].iter().any(|words| refused.contains(words));
            assert!(fenced, "{what}: refused for another reason: {refused}");
        }
        aside
    }

    /// Somebody types what the card says, names first.
    fn card_is_typed(&self) {
        let card = fs::read_to_string(self.ground.folder().join("program/.greenroom/fence/break-glass.txt")).unwrap();
        let lines: Vec<&str> = card.lines().filter_map(|l| l.strip_prefix("  ")).collect();
        (self.typed)(&lines);
    }
}

fn play(scene: &Scene<'_>) {
    let program = scene.ground.folder().join("program");
    fs::create_dir_all(program.join("upgrade")).unwrap();
    fs::write(
        program.join("greenroom.toml"),
        format!(
            "{}open_after = \"all\"\n[tables]\nstatus = \"configuration\"\n[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n{}[switch]\nminutes = 60\n",
            scene.ground.databases(),
            if scene.ground.engine() == "sqlite" { "path = \"quarantine\"\n" } else { "" }
        ),
    )
    .unwrap();
    fs::write(program.join("columns.toml"), COLUMNS).unwrap();
    fs::write(program.join("upgrade/1.sql"), "alter table client add active integer;\nupdate client set active = 1;\n").unwrap();
    let doors = (scene.doors)();
    let recorder = (scene.recorder)();
    scene.works(&recorder, "at the beginning");

    // Each guard, with the way out.
    assert!(scene.refused().contains("`greenroom rehearse` makes a pilot"));
    scene.done(&["rehearse", "--quiet"], 0);
    scene.ground.write("pilot", "update status set label = 'open!' where id = 1;\ninsert into status values (10, 'archived');");
    let seen = scene.refused();
    assert!(seen.contains("GR0768") && seen.contains("GR0769"), "{seen}");
    scene.done(&["dress", "--quiet"], 0);
    let backup = (scene.backup)();
    let backup = backup.to_str().unwrap();
    assert!(scene.refused().contains("no backup has been restored and read"));
    scene.done(&["prove", backup, "--yes", "--quiet"], 0);
    let kept = fs::read(backup).unwrap();
    fs::write(backup, &kept[..kept.len() - 1]).unwrap();
    assert!(scene.refused().contains("GR0769"));
    fs::write(backup, kept).unwrap();
    fs::write(program.join("upgrade/2.sql"), "update client set active = 2;\n").unwrap();
    let seen = scene.refused();
    assert!(seen.contains("GR0768") && seen.contains("the upgrade changed since"), "{seen}");
    fs::remove_file(program.join("upgrade/2.sql")).unwrap();
    let journal = fs::metadata(program.join(".greenroom/journal.db")).unwrap().len();
    let preview = scene.done(&["switch", "--preview"], 0);
    assert!(preview.stdout.contains("nothing refuses the switch"), "{preview:?}");
    assert_eq!(fs::metadata(program.join(".greenroom/journal.db")).unwrap().len(), journal, "a preview was put on record");
    assert_eq!((scene.doors)(), doors, "nothing was changed so far");
    scene.works(&recorder, "after the preview");
    assert!(preview.stdout.contains("once users are in there is no way back"), "{preview:?}");

    // Who wants a way back after users were let in has it tried out.
    let refused = scene.greenroom(&["rollback", "--rehearse"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("rollback_hours = 72"), "{refused:?}");
    let settings = program.join("greenroom.toml");
    let former = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{former}rollback_hours = 48\n")).unwrap();
    assert!(scene.refused().contains("GR0778"));
    scene.done(&["rollback", "--rehearse", "--quiet"], 0);
    let shown = scene.done(&["run", "show"], 0).stdout;
    assert!(shown.contains("on trial") && shown.contains("would be given up: table client: `active`"), "{shown}");
    assert!(scene.done(&["switch", "--preview"], 0).stdout.contains("tried out by"));

    // While it waits for the window, people work.
    scene.done(&["switch", "--yes", "--quiet"], 5);
    scene.works(&recorder, "before the window");
    scene.done(&["answer", "go", "--quiet"], 0);
    scene.done(&["resume", "--quiet"], 5);
    let status = scene.done(&["status"], 0).stdout;
    assert!(status.contains("users are not let in yet"), "{status}");
    scene.former_is_shut("accepting");
    let lifted = scene.greenroom(&["fence", "lift"]);
    assert!(lifted.code == Some(1) && lifted.stderr.contains("GR0745"), "{lifted:?}");
    // The testers refuse: everything is as it was, with everything that was written.
    scene.done(&["answer", "refuse", "--quiet"], 0);
    let back = scene.done(&["resume", "--quiet"], 0);
    assert!(back.stdout.contains("undone"), "{back:?}");
    assert_eq!((scene.doors)(), doors, "production stands otherwise than before");
    scene.works(&recorder, "after the refusal");
    scene.keeps(&recorder, "after the refusal");

    // Nothing of ours works any more while testers are in: a person types the card, and later undo has nothing left to do but to clear away.
    scene.done(&["switch", "--now", "--yes", "--quiet"], 5);
    assert!(scene.former_is_shut("before the card"));
    scene.card_is_typed();
    scene.works(&recorder, "after the card");
    assert_eq!((scene.doors)(), doors, "the card gives back everything");
    let accepted = scene.greenroom(&["answer", "accept"]);
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let resumed = scene.greenroom(&["resume"]);
    assert!(resumed.code == Some(4) && resumed.stdout.contains("GR0762"), "users must not be let into a copy that lacks rows: {resumed:?}");
    scene.done(&["undo", "--yes", "--quiet"], 0);
    assert_eq!((scene.doors)(), doors);
    scene.keeps(&recorder, "after the card");

    // Programs beside it: run once each in their order, and taken back.
    let hooks = program.join("hooks.log");
    let before = fs::read_to_string(program.join("greenroom.toml")).unwrap();
    let hook = |name: &str, at: &str| {
        format!(
            "[[switch.hook]]\nname = \"{name}\"\nat = \"{at}\"\ncommand = [\"sh\", \"-c\", \"echo {name} >> hooks.log\"]\nundo = [\"sh\", \"-c\", \"echo not {name} >> hooks.log\"]\n"
        )
    };
    fs::write(
        program.join("greenroom.toml"),
        format!("{before}{}{}{}", hook("stop", "fenced"), hook("point", "swapped"), hook("save", "accepted")),
    )
    .unwrap();
    scene.done(&["switch", "--now", "--yes", "--quiet"], 5);
    assert_eq!(fs::read_to_string(&hooks).unwrap(), "stop\npoint\n");
    scene.done(&["undo", "--yes", "--quiet"], 0);
    assert_eq!(fs::read_to_string(&hooks).unwrap(), "stop\npoint\nnot point\nnot stop\n");
    fs::write(program.join("greenroom.toml"), &before).unwrap();
    scene.works(&recorder, "after the hooks");

    // Killed at any moment, gone on with or taken back.
    let mut aside = 0;
    for n in 0..rounds(1) {
        let what = format!("round {n}");
        let delay = Duration::from_millis(scene.pace * (40 + n * 97 % 900));
        let switch = scene.ground.greenroom().args(["switch", "--now", "--yes"]);
        // Some kills come at a step for certain, the others when they come.
        match n % 4 {
            1 => switch.kill_at_line(|line| line.starts_with("shut everybody out of production")),
            3 => switch.kill_at_line(|line| line.starts_with("testers look at it")),
            _ => switch.kill_after(delay),
        };
        aside += u32::from(scene.former_is_shut(&what));
        let run = scene.run();
        let open = run["kind"] == "switch" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap());
        if open && n % 2 == 0 {
            scene.ground.greenroom().args(["undo", "--yes"]).kill_after(Duration::from_millis(scene.pace * (n * 31 % 200)));
        }
        if open && n % 3 == 1 {
            // Killed while it goes on, too.
            scene.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(scene.pace * (n * 53 % 400)));
            scene.former_is_shut(&what);
        }
        if scene.run()["standing"] != "undone" && open {
            scene.done(&["undo", "--yes", "--quiet"], 0);
        }
        assert_eq!((scene.doors)(), doors, "{what}");
        scene.works(&recorder, &what);
        scene.keeps(&recorder, &what);
    }

    assert!(aside > 0, "no kill came after the exchange of names");

    // Carried through, killed on the way again and again, each time a little later.
    let mut delay = 100;
    loop {
        let run = scene.run();
        let open = run["kind"] == "switch" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap());
        if open && run["standing"] == "waiting" {
            break;
        }
        let command: &[&str] = if open { &["resume"] } else { &["switch", "--now", "--yes"] };
        scene.ground.greenroom().args(command).kill_after(Duration::from_millis(scene.pace * delay));
        scene.former_is_shut("carried through");
        delay += 30;
        assert!(delay < 3000, "it never gets there: {run}");
    }
    scene.done(&["answer", "accept", "--quiet"], 0);
    scene.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(30));
    scene.former_is_shut("letting in");
    scene.done(&["resume", "--quiet"], 0);
    assert_eq!(scene.run()["standing"], "finished");
    scene.works(&recorder, "in the new production");
    scene.keeps(&recorder, "in the new production");
    assert!(scene.former_is_shut("at the end"));
    assert_eq!((scene.doors)(), doors, "the new production stands open otherwise than the former one");
    let ask = |sql: &str| scene.ground.query("source", sql).unwrap().trim().replace('\r', "");
    assert_eq!(ask("select id, name, active from client order by id"), "1|Ann Real|1\n2|Bob Real|1", "the upgrade, and nothing masked");
    assert_eq!(ask("select id, label from status order by id"), "1|open!\n2|closed\n10|archived", "what testers configured");
    let undo = scene.greenroom(&["undo", "--yes"]);
    assert!(undo.code == Some(1) && undo.stderr.contains("GR0764"), "{undo:?}");
    let name = scene.ground.told("production").unwrap();
    let dropped = scene.greenroom(&["drop", &name, "--yes"]);
    assert!(dropped.code == Some(1) && dropped.stderr.contains("production's place"), "{dropped:?}");

    taken_back(scene, &recorder, &doors);

    // And once more, for good: prepared whole before the window, so that only what was touched since is brought in it.
    prepared(scene, &recorder, &doors);
    scene.done(&["answer", "accept", "--quiet"], 0);
    let held = scene.done(&["resume"], 5).stdout;
    assert!(held.contains("there is no way back without what users write"), "{held}");
    scene.former_is_shut("held");
    scene.done(&["answer", "go", "--quiet"], 0);
    scene.done(&["resume", "--quiet"], 0);
    scene.works(&recorder, "in the second new production");
    scene.keeps(&recorder, "in the second new production");
    assert_eq!(ask("select id, name, active from client order by id"), "1|Ann Wed|1\n3|Cid Real|1", "what was carried back comes along");
    assert_eq!(ask("select label from status where id = 2"), "late", "what was written just before the window");
    // Another prepared switch would end what this one can be taken back with.
    let other = scene.greenroom(&["switch", "--preview"]).stdout;
    assert!(other.contains("GR0779") && other.contains("both cannot be noted"), "{other}");
    scene.done(&["rollback", "--give-up", "--yes"], 0);
    let refused = scene.greenroom(&["rollback", "--preview"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("it was given up"), "{refused:?}");
    scene.works(&recorder, "after the rollback was given up");

    // What was production goes when its time is over, by name, and nothing else does.
    let former = scene.ground.told("former production").unwrap();
    assert!(scene.done(&["leftovers"], 0).stdout.contains("former production"));
    let dropped = scene.greenroom(&["drop", &former, "--yes"]);
    assert!(dropped.code == Some(1) && dropped.stderr.contains("greenroom retire"), "{dropped:?}");
    let retired = scene.greenroom(&["retire", &former, "--yes"]);
    assert!(retired.code == Some(1) && retired.stderr.contains("GR0773"), "{retired:?}");
    let retired = scene.greenroom(&["retire", &name, "--early", "--yes"]);
    assert!(retired.code == Some(1) && retired.stderr.contains("GR0503"), "{retired:?}");
    scene.done(&["retire", &former, "--keep", "60d", "--reason", "the auditors come"], 0);
    assert!(scene.done(&["retire"], 0).stdout.contains(&former));
    scene.done(&["retire", &former, "--early", "--yes"], 0);
    // And the new production of the switch that was taken back.
    let former = scene.ground.told("former production").unwrap();
    scene.done(&["retire", &former, "--early", "--yes"], 0);
    assert!(scene.done(&["retire"], 0).stdout.contains("nothing that was production"));
    scene.works(&recorder, "after the retirement");
    scene.keeps(&recorder, "after the retirement");
}

/// Production is upgraded in a single step: copied whole by the engine in the window. Killed on the way, carried through, taken back, and done again from what came of it.
fn in_place(scene: &Scene<'_>) {
    let program = scene.ground.folder().join("program");
    fs::create_dir_all(program.join("upgrade")).unwrap();
    let settings = program.join("greenroom.toml");
    let quarantine = if scene.ground.engine() == "sqlite" { "path = \"quarantine\"\n" } else { "" };
    let text = format!(
        "{}open_after = \"all\"\n[tables]\nstatus = \"configuration\"\n[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n{quarantine}\
         [switch]\nminutes = 60\nrollback_hours = 48\nstrategy = \"in-place\"\n",
        scene.ground.databases()
    );
    fs::write(&settings, format!("{text}final_copy = \"touched\"\n")).unwrap();
    fs::write(program.join("columns.toml"), COLUMNS).unwrap();
    fs::write(program.join("upgrade/1.sql"), "alter table client add active integer;\nupdate client set active = 1;\n").unwrap();
    let checked = scene.greenroom(&["check"]);
    assert!(checked.code != Some(0) && format!("{checked:?}").contains("`switch.final_copy` means nothing where"), "{checked:?}");
    fs::write(&settings, text).unwrap();
    scene.ground.write("source", "create view open_status as select * from status where label = 'open'");
    let doors = (scene.doors)();
    let recorder = (scene.recorder)();
    scene.works(&recorder, "at the beginning");

    // No pilot is needed for what no pilot's configuration goes into.
    let prepared = || {
        scene.done(&["dress", "--quiet"], 0);
        let backup = (scene.backup)();
        scene.done(&["prove", backup.to_str().unwrap(), "--yes", "--quiet"], 0);
    };
    prepared();
    let preview = scene.done(&["switch", "--preview"], 0).stdout;
    assert!(preview.contains("production keeps its own configuration"), "{preview}");
    assert!(preview.contains("production itself is not changed: the engine makes"), "{preview}");
    assert_eq!((scene.doors)(), doors, "nothing was changed so far");

    let mut aside = 0;
    for n in 0..rounds(1) {
        let what = format!("in place, round {n}");
        let switch = scene.ground.greenroom().args(["switch", "--now", "--yes"]);
        match n % 5 {
            0 => switch.kill_at_line(|line| line.starts_with("the engine makes a second database")),
            1 => switch.kill_at_line(|line| line.starts_with("read client")),
            2 => switch.kill_at_line(|line| line.starts_with("testers look at it")),
            _ => switch.kill_after(Duration::from_millis(scene.pace * (30 + n * 97 % 600))),
        };
        aside += u32::from(scene.former_is_shut(&what));
        let run = scene.run();
        if run["kind"] == "switch" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap()) {
            let word = if n % 2 == 0 { "undo" } else { "resume" };
            scene
                .ground
                .greenroom()
                .args([word].into_iter().chain((n % 2 == 0).then_some("--yes")))
                .kill_after(Duration::from_millis(scene.pace * (n * 31 % 200)));
            scene.former_is_shut(&what);
            if scene.run()["standing"] != "undone" {
                scene.done(&["undo", "--yes", "--quiet"], 0);
            }
        }
        assert_eq!((scene.doors)(), doors, "{what}");
        scene.works(&recorder, &what);
        scene.keeps(&recorder, &what);
    }
    assert!(aside > 0, "no kill came after the exchange of names");
    assert!(scene.done(&["leftovers"], 0).stdout.contains("nothing is left over"), "a copy was left behind");

    let through = |what: &str| {
        scene.done(&["switch", "--now", "--yes", "--quiet"], 5);
        scene.former_is_shut(what);
        scene.done(&["answer", "accept", "--quiet"], 0);
        scene.ground.greenroom().args(["resume"]).kill_after(Duration::from_millis(30));
        scene.former_is_shut(what);
        scene.done(&["resume", "--quiet"], 0);
        scene.works(&recorder, what);
        scene.keeps(&recorder, what);
        assert!(scene.former_is_shut(what), "{what}");
        assert_eq!((scene.doors)(), doors, "{what}: the new production stands open otherwise than the former one");
    };
    through("upgraded in place");
    let ask = |sql: &str| scene.ground.query("source", sql).unwrap().trim().replace('\r', "");
    assert_eq!(ask("select id, name, active from client order by id"), "1|Ann Real|1\n2|Bob Real|1", "the upgrade, and nothing masked");
    assert_eq!(ask("select count(*) from open_status"), "1", "everything in it is there");

    // Taken back with what was written since.
    scene.ground.write("source", "update client set name = 'Ann Wed' where id = 1; insert into client values (3, 'Cid Real', 7)");
    scene.done(&["rollback", "--sign-away", "--yes", "--quiet"], 0);
    scene.works(&recorder, "taken back");
    scene.keeps(&recorder, "taken back");
    assert_eq!(ask("select * from client order by id"), "1|Ann Wed\n2|Bob Real\n3|Cid Real", "what was written since, in the former shape");

    // Again, and from what came of it the next version.
    prepared();
    through("upgraded again");
    let other = scene.greenroom(&["switch", "--preview"]).stdout;
    assert!(other.contains("GR0779") && other.contains("`greenroom rollback --give-up`"), "{other}");
    scene.done(&["rollback", "--give-up", "--yes"], 0);
    fs::write(program.join("upgrade/1.sql"), "alter table client add city varchar(20);\nupdate client set city = 'Łódź';\n").unwrap();
    fs::write(program.join("columns.toml"), COLUMNS.replace("[client]\n", "[client]\ncity = { keep = true, after_upgrade = true }\n"))
        .unwrap();
    prepared();
    through("the next version");
    assert_eq!(ask("select id, name, active, city from client order by id"), "1|Ann Wed|1|Łódź\n2|Bob Real|1|Łódź\n3|Cid Real|1|Łódź");
}

/// A switch whose copy is verified before the window, killed on the way: production notes nothing any more once it is undone, and what it acknowledged is never missing. Rests when
/// testers are asked.
fn prepared(scene: &Scene<'_>, recorder: &Recorder, doors: &str) {
    let settings = scene.ground.folder().join("program/greenroom.toml");
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{before}final_copy = \"touched\"\n")).unwrap();
    for n in 0..rounds(3) {
        let what = format!("prepared, round {n}");
        let switch = scene.ground.greenroom().args(["switch", "--now", "--yes"]);
        match n % 4 {
            0 => switch.kill_at_line(|line| line.starts_with("copy the rows that were touched")),
            1 => switch.kill_at_line(|line| line.starts_with("compare the touched rows")),
            2 => switch.kill_at_line(|line| line.starts_with("have production note")),
            _ => switch.kill_after(Duration::from_millis(scene.pace * (100 + n * 97 % 700))),
        };
        scene.former_is_shut(&what);
        let run = scene.run();
        if run["kind"] == "switch" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap()) {
            scene.ground.greenroom().args(["undo", "--yes"]).kill_after(Duration::from_millis(scene.pace * (n * 31 % 200)));
            if scene.run()["standing"] != "undone" {
                scene.done(&["undo", "--yes", "--quiet"], 0);
            }
        }
        assert_eq!((scene.doors)(), *doors, "{what}");
        assert_eq!((scene.noted)(), "0", "{what}: production still notes what is touched");
        scene.works(recorder, &what);
        scene.keeps(recorder, &what);
    }
    scene.done(&["switch", "--hold", "--yes", "--quiet"], 5);
    scene.works(recorder, "prepared, before the window");
    scene.ground.write(
        "source",
        "update status set label = 'late' where id = 2; insert into client values (5, 'Eve Late'); delete from client where id = 5;",
    );
    scene.done(&["answer", "go", "--quiet"], 0);
    scene.ground.greenroom().args(["resume"]).kill_at_line(|line| line.starts_with("compare the touched rows"));
    scene.done(&["resume", "--quiet"], 5);
    let shown = scene.done(&["run", "show"], 0).stdout;
    assert!(shown.contains("touched rows") && shown.contains("since the copy"), "{shown}");
}

/// Users were let in and have written; all of it goes back, killed again and again, and they go on where they were.
fn taken_back(scene: &Scene<'_>, recorder: &Recorder, doors: &str) {
    scene.ground.write(
        "source",
        "update client set name = 'Ann Wed' where id = 1; delete from client where id = 2; insert into client values (3, 'Cid Real', 7);
         update status set label = 'shut' where id = 2; delete from status where id = 10;
         update code set n = 99 where c = 'one'; update code set n = 1 where c = 'two'; update code set n = 2, c = 'ONE' where c = 'one';
         delete from branch where id = 3; insert into branch values (9, 2), (10, 9); update branch set up = 9 where id = 2;",
    );
    scene.ground.write("source", scene.hard);
    scene.ground.write("source", "insert into spare values (1); drop table spare");
    let all = |sql: &str| scene.ground.query("source", sql).unwrap().trim().replace('\r', "");
    let tables = ["select * from code order by n", "select * from branch order by id", "select * from counted order by id"];
    let written = tables.map(all);
    let preview = scene.done(&["rollback", "--preview"], 0).stdout;
    assert!(preview.contains("table spare: all rows that were touched since (it was dropped or renamed"), "{preview}");
    assert!(preview.contains("production's schema was changed since the switch"), "{preview}");
    assert!(preview.contains("client: 3; 1 inserted, 1 updated, 1 deleted") && preview.contains("`active` of 3 rows"), "{preview}");
    scene.works(recorder, "after the preview of the rollback");

    // It asks before anything is given up, while everybody is shut out; and goes back.
    scene.done(&["rollback", "--yes", "--quiet"], 5);
    let status = scene.done(&["status"], 0).stdout;
    assert!(status.contains("is being taken back to its former version"), "{status}");
    scene.done(&["answer", "refuse", "--quiet"], 0);
    scene.done(&["resume", "--quiet"], 0);
    assert_eq!((scene.doors)(), *doors, "the new production stands otherwise than before");
    scene.works(recorder, "after the rollback was refused");

    for n in 0..rounds(3) {
        let what = format!("rollback, round {n}");
        let rollback = scene.ground.greenroom().args(["rollback", "--sign-away", "--yes"]);
        match n % 3 {
            0 => rollback.kill_at_line(|line| line.starts_with("give the former production its name")),
            1 => rollback.kill_at_line(|line| line.starts_with("compare what was carried back")),
            _ => rollback.kill_after(Duration::from_millis(scene.pace * (30 + n * 97 % 500))),
        };
        let run = scene.run();
        if run["kind"] == "rollback" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap()) {
            scene.ground.greenroom().args(["undo", "--yes"]).kill_after(Duration::from_millis(scene.pace * (n * 31 % 200)));
            if scene.run()["standing"] != "undone" {
                let undone = scene.greenroom(&["undo", "--yes", "--quiet"]);
                // The last kill may have come when users were about to be let in: then there is only forward.
                assert!(undone.code == Some(0), "{what}: {undone:?}");
            }
        }
        assert_eq!((scene.doors)(), *doors, "{what}");
        scene.works(recorder, &what);
        scene.keeps(recorder, &what);
    }

    let mut delay = 60;
    loop {
        let run = scene.run();
        let open = run["kind"] == "rollback" && !["undone", "finished"].contains(&run["standing"].as_str().unwrap());
        if run["kind"] == "rollback" && run["standing"] == "finished" {
            break;
        }
        let command: &[&str] = if open { &["resume"] } else { &["rollback", "--sign-away", "--yes"] };
        scene.ground.greenroom().args(command).kill_after(Duration::from_millis(scene.pace * delay));
        delay += 30;
        assert!(delay < 3000, "it never gets there: {run}");
    }
    scene.works(recorder, "in the former production again");
    scene.keeps(recorder, "in the former production again");
    assert!(scene.former_is_shut("the new production that was taken back"));
    assert_eq!((scene.doors)(), *doors, "the former production stands open otherwise than it did");
    let ask = |sql: &str| scene.ground.query("source", sql).unwrap().trim().replace('\r', "");
    assert_eq!(ask("select * from client order by id"), "1|Ann Wed\n3|Cid Real", "what was written since, in the former shape");
    assert_eq!(tables.map(all), written, "what was written since");
    scene.ground.write("source", "insert into counted (t) values ('after')");
    let last = ask("select max(id) from counted where t <> 'after'").parse::<u64>().unwrap();
    assert!(ask("select id from counted where t = 'after'").parse::<u64>().unwrap() > last + 1, "a number was given twice");
    assert_eq!(
        ask("select id, label from status order by id"),
        "1|open\n2|shut",
        "what users changed since, and nothing else of the configuration"
    );
    let undo = scene.greenroom(&["undo", "--yes"]);
    assert!(undo.code == Some(1) && undo.stderr.contains("GR0764"), "{undo:?}");
    let again = scene.greenroom(&["rollback", "--preview"]);
    assert!(again.code == Some(1) && again.stderr.contains("taken back already"), "{again:?}");
}

#[test]
fn production_is_switched_and_taken_back_on_sqlite() {
    on_sqlite(play);
}

#[test]
fn production_is_upgraded_in_place_and_taken_back_on_sqlite() {
    on_sqlite(in_place);
}

#[test]
fn production_is_switched_and_taken_back_on_postgres() {
    on_postgres("switch", play);
}

#[test]
fn production_is_upgraded_in_place_and_taken_back_on_postgres() {
    on_postgres("in_place", in_place);
}

fn on_sqlite(play: fn(&Scene<'_>)) {
    let ground = Sqlite::new();
    ground.fill(&format!(
        "pragma journal_mode = wal; {TABLES} create table counted (id integer primary key autoincrement, t text collate nocase unique);
         insert into counted (t) values ('ann'), ('bob'), ('cid')"
    ));
    let file = ground.folder().join("source.db");
    let state = || {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(&file).unwrap();
        let fences = ground.query("source", "select count(*) from sqlite_schema where name like 'greenroom_fence%'").unwrap();
        let journal = ground.query("source", "pragma journal_mode").unwrap();
        format!("{:o} {}:{} {fences} {journal}", metadata.mode(), metadata.uid(), metadata.gid())
    };
    let path = ground.folder().join("backup.db");
    play(&Scene {
        ground: &ground,
        pace: 1,
        recorder: Box::new(|| Recorder::sqlite_by_name(&file)),
        doors: Box::new(state),
        // A row that goes because another one replaces it; a key of which only the spelling changes; numbers that were given out and whose rows are gone.
        hard: "insert or replace into counted (id, t) values (40, 'ANN'); insert into counted (t) values ('gone'); delete from counted where t = 'gone';
               update counted set t = 'BOB' where t = 'bob'",
        noted: Box::new(|| {
            // The marker of a switch stays in what it put in production's place.
            let ours = "select count(*) from sqlite_schema where name like 'greenroom%' and name not in ('greenroom_marker', 'greenroom_progress', 'greenroom_script') \
                or (name = 'greenroom_script' and not exists (select 1 from sqlite_schema where name = 'greenroom_marker'))";
            ground.query("source", ours).unwrap().trim().to_owned()
        }),
        backup: Box::new(|| {
            let _ = fs::remove_file(&path);
            let copy = format!("vacuum into '{}'", path.display());
            rusqlite::Connection::open(&file).unwrap().execute_batch(&copy).unwrap();
            path.clone()
        }),
        typed: Box::new(|lines| {
            let moves = lines.iter().find(|l| l.starts_with("if [ -e")).unwrap();
            let moved = std::process::Command::new("sh").args(["-c", moves]).current_dir(ground.folder().join("program")).status().unwrap();
            assert!(moved.success(), "{moves}");
            let connection = rusqlite::Connection::open(&file).unwrap();
            let statements = lines.iter().filter(|l| l.starts_with("DROP TRIGGER") || l.starts_with("PRAGMA"));
            statements.for_each(|s| connection.execute_batch(s).unwrap());
        }),
        write_as_app: Box::new(|on| {
            let file = ground.folder().join("program").join(ground.told(on).unwrap());
            let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
            let connection = rusqlite::Connection::open_with_flags(file, flags).map_err(|e| e.to_string())?;
            connection.execute("insert into recorded values (-1)", []).map(drop).map_err(|e| e.to_string())
        }),
    });
}

fn on_postgres(name: &str, play: fn(&Scene<'_>)) {
    let server = greenroom_testkit::postgres!();
    let ground = Postgres::new(server, name);
    let (app, reader) = (format!("{name} \"app\""), format!("{name} reader"));
    server.role(&app, "secret", "");
    server.role(&reader, "secret", "");
    let (app_quoted, app) = (format!("\"{name} \"\"app\"\"\""), app.as_str());
    let name = ground.query("source", "select current_database()").unwrap();
    ground.fill(&format!(
        "{TABLES} create table counted (id serial primary key, t text); create unique index on counted (lower(t));
         insert into counted (t) values ('ann'), ('bob'), ('cid');
         alter database {name} set search_path to public, pg_catalog; alter role {app_quoted} in database {name} set work_mem to '9MB'; alter database {name} connection limit 90;
         alter database {name} owner to {app_quoted}; revoke all on database {name} from public;
         grant connect, temporary on database {name} to \"{reader}\" with grant option;
         alter table recorded owner to {app_quoted}; alter table client owner to {app_quoted};
         grant select on client to \"{reader}\"; grant update (label) on status to \"{reader}\""
    ));
    let database = server.existing(&name);
    let state = || {
        let owner = format!(
            "select datdba::regrole, datconnlimit, (select string_agg(setrole::regrole || array_to_string(setconfig, ' '), ' ' order by 1) from pg_db_role_setting \
             where setdatabase = d.oid) from pg_database d where datname = '{name}'"
        );
        let objects =
            "select relname, relowner::regrole, relacl from pg_class where relname in ('recorded', 'client', 'status') order by 1";
        let columns = "select attname, attacl from pg_attribute where attrelid = 'status'::regclass and attnum > 0 order by 1";
        let inside = |sql: &str| ground.query("source", sql).unwrap();
        format!("{} {}\n{}\n{}", rights(server, &name), server.maintenance().query(&owner), inside(objects), inside(columns))
    };
    let path = ground.folder().join("backup.dump");
    play(&Scene {
        ground: &ground,
        pace: 4,
        recorder: Box::new(|| Recorder::postgres(&database, app, "secret")),
        doors: Box::new(state),
        // Unique by an expression: what stands in the way of a row goes before it comes. Numbers that were given out and whose rows are gone.
        hard: "delete from counted where t = 'ann'; insert into counted (t) values ('ANN'), ('gone'); delete from counted where t = 'gone';
               update counted set t = 'x' where t = 'bob'; update counted set t = 'BOB' where t = 'cid'; update counted set t = 'Cid' where t = 'x'",
        noted: Box::new(|| {
            let ours = "select count(*) from pg_namespace where nspname = 'greenroom'";
            ground.query("source", ours).unwrap().trim().to_owned()
        }),
        backup: Box::new(|| {
            let dumped = database.command("pg_dump").args(["-Fc", "-f"]).arg(&path).output().unwrap();
            assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
            path.clone()
        }),
        typed: Box::new(|lines| {
            let psql = |text: &str| {
                let ended = server.maintenance().command("psql").args(["-X", "-v", "ON_ERROR_STOP=1", "-c", text]).output().unwrap();
                assert!(ended.status.success(), "{text}: {}", String::from_utf8_lossy(&ended.stderr));
            };
            lines.iter().filter(|l| l.ends_with(';')).for_each(|l| psql(l));
        }),
        write_as_app: Box::new(|on| {
            let former = server.existing(&ground.told(on).unwrap());
            let mut psql = former.command("psql");
            psql.env("PGHOST", "127.0.0.1").env("PGUSER", app).env("PGPASSWORD", "secret");
            let ended = psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-c", "insert into recorded values (-1)"]).output().unwrap();
            if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stderr).into_owned()) }
        }),
    });
}
