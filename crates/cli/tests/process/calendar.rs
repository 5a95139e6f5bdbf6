//! Dates over the real binary: proposals and refusals, calendar files in and out, and a window that ends a switch and what is done by hand.
// covers A9, D1, D7, F3

use super::*;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use std::path::PathBuf;

/// In an hour there are 60 minutes, whatever else happens on this machine: windows open an hour before a test and close hours after it.
struct Night {
    scene: Scene,
    program: PathBuf,
    now: Zoned,
}

impl Night {
    fn new(settings: &str) -> Night {
        let scene = Scene::new();
        let program = scene.ground.folder().join("program");
        let main = program.join("greenroom.toml");
        let text = fs::read_to_string(&main).unwrap();
        fs::write(&main, format!("{text}[fence]\ndrain_seconds = 1\n{settings}")).unwrap();
        Night { scene, program, now: Timestamp::now().to_zoned(TimeZone::UTC) }
    }

    fn hour(&self, hours: i64) -> String {
        (&self.now + SignedDuration::from_hours(hours)).strftime("%H:%M").to_string()
    }

    fn day(&self, days: i64) -> String {
        (&self.now + jiff::Span::new().days(days)).strftime("%Y-%m-%d").to_string()
    }

    /// What is written, with a window from so many hours from now until so many.
    fn write(&self, from: i64, until: i64, more: &str) {
        let (from, until) = (self.hour(from), self.hour(until));
        let text = format!(
            "[process]\ngo_live = \"migration\"\n[party.clinic]\n[person.anna]\nparty = \"clinic\"\nroles = [\"decider\", \"technician\"]\nlogin = \"anna\"\n\
             [stage.migration]\nbuffer = \"15 minutes\"\n[gate.window]\nstage = \"migration\"\nat = \"entry\"\nkind = \"window\"\nfrom = \"{from}\"\nuntil = \"{until}\"\n\
             [task.move]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 15\n[task.look]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 15\n\
             after = [\"move\"]\npoint_of_no_return = true\n{more}"
        );
        fs::write(self.program.join("process.toml"), text).unwrap();
    }

    fn done(&self, arguments: &[&str]) -> String {
        self.scene.done("anna", arguments)
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.done(arguments)).unwrap()
    }
}

#[test]
fn dates_are_proposed_refused_and_found_not_to_fit_any_more() {
    let n = Night::new("");
    let compact = |days: i64| n.day(days).replace('-', "");
    let holidays = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:{}\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Patron\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        compact(2)
    );
    fs::write(n.program.join("holidays.ics"), &holidays).unwrap();
    let files = "away_from_holidays = true\n[calendar.holidays]\nfile = \"holidays.ics\"\n";
    // The window is another line's neighbour: its key comes before the next section.
    n.write(-1, 3, "");
    let text = fs::read_to_string(n.program.join("process.toml")).unwrap();
    let (away, calendar) = files.split_once('\n').unwrap();
    let text = text.replace("[task.move]", &format!("{away}\n{calendar}[task.move]"));
    fs::write(n.program.join("process.toml"), &text).unwrap();
    n.done(&["check", "--quiet"]);

    let until = n.day(5);
    let p = n.json(&["schedule", "migration", "--until", &until, "--count", "9", "--json"]);
    assert_eq!(p["minutes"], 45);
    let slots: Vec<Timestamp> = p["slots"].as_array().unwrap().iter().map(|s| s["from"].as_str().unwrap().parse().unwrap()).collect();
    assert!(!slots.is_empty() && slots.iter().all(|at| *at > n.now.timestamp()), "{p}");
    let reason = |day: &str| {
        let found = p["rejected"].as_array().unwrap().iter().find(|r| r["day"] == day).unwrap_or_else(|| panic!("{day}: {p}"));
        found["why"][0]["why"].as_str().unwrap().to_owned()
    };
    assert!(reason(&n.day(2)).contains("is a holiday"), "{p}");
    let shown = n.done(&["schedule", "--until", &until]);
    assert!(shown.contains("Why not") && shown.contains("is a holiday") && shown.contains("`greenroom stage date migration"), "{shown}");

    // Agreed; refused where it cannot be.
    let opens = (&n.now - SignedDuration::from_hours(1)).strftime("%H:%M").to_string();
    let date =
        |days: i64| format!("{}T{opens}", (&n.now - SignedDuration::from_hours(1) + jiff::Span::new().days(days)).strftime("%Y-%m-%d"));
    n.scene.refused("anna", &["stage", "date", "migration", &date(-1)], "is past");
    let outside = (&n.now + SignedDuration::from_hours(29)).strftime("%Y-%m-%dT%H:%M").to_string();
    n.scene.refused("anna", &["stage", "date", "migration", &outside], "window");
    n.done(&["stage", "date", "migration", &date(4)]);
    assert!(!n.done(&["stage"]).contains("does not fit"));

    // Something moves: a fair is announced.
    let fair = format!("[event.fair]\ntitle = \"Motor fair\"\nfrom = \"{}\"\nuntil = \"{}\"\n", n.day(3), n.day(5));
    fs::write(n.program.join("process.toml"), format!("{text}{fair}")).unwrap();
    for command in ["stage", "status"] {
        let shown = n.done(&[command]);
        assert!(shown.contains("the agreed date of `migration` does not fit") && shown.contains("Motor fair"), "{command}: {shown}");
    }
    n.scene.refused("anna", &["stage", "date", "migration", &date(4)], "Motor fair");
    let late = text.replace(
        "[task.move]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 15",
        "[task.move]\nstage = \"migration\"\nrole = \"technician\"\nminutes = 900",
    );
    fs::write(n.program.join("process.toml"), &late).unwrap();
    let why = n.scene.by("anna", &["why", "window"]).stdout;
    assert!(why.contains("the agreed date does not fit it") && why.contains("it takes 15 h 30 min"), "{why}");
    let none = n.scene.by("anna", &["schedule", "migration"]);
    assert!(none.code == Some(4) && none.stdout.contains("no date is possible"), "{none:?}");

    // A file that is broken off is shown where it is.
    fs::write(n.program.join("holidays.ics"), holidays.replace("END:VCALENDAR\r\n", "")).unwrap();
    let broken = n.scene.by("anna", &["check"]);
    assert!(broken.code == Some(1) && broken.stderr.contains("GR0131") && broken.stderr.contains("holidays.ics:1"), "{broken:?}");
    fs::write(n.program.join("holidays.ics"), holidays.replace("FREQ=YEARLY", "FREQ=YEARLY;BYWEEKNO=3")).unwrap();
    let broken = n.scene.by("anna", &["check"]);
    assert!(broken.code == Some(1) && broken.stderr.contains("GR0132") && broken.stderr.contains("BYWEEKNO=3"), "{broken:?}");
}

#[test]
fn agreed_dates_go_out_as_other_calendars_read_them() {
    let n = Night::new("");
    n.write(-1, 3, "[task.paint]\ntitle = \"Zażółć gęślą jaźń, wszystko; naprawdę wszystko, co jest w spisie\"\nstage = \"migration\"\nrole = \"technician\"\n");
    let written = |minutes: i64| {
        let date = &n.now + jiff::Span::new().days(3) + SignedDuration::from_mins(minutes);
        n.done(&["stage", "date", "migration", &date.strftime("%Y-%m-%dT%H:%M").to_string()]);
        n.done(&["schedule", "--ics", "out.ics"]);
        let text = fs::read_to_string(n.program.join("out.ics")).unwrap();
        fs::remove_file(n.program.join("out.ics")).unwrap();
        (text, date.strftime("%Y%m%dT%H%M00Z").to_string())
    };
    let (first, date) = written(0);
    assert!(first.contains(&format!("DTSTART:{date}\r\n")) && first.contains("SEQUENCE:0\r\n"), "{first}");
    assert!(first.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{first}");
    let (second, date) = written(30);
    assert!(second.contains(&format!("DTSTART:{date}\r\n")) && second.contains("SEQUENCE:1\r\n"), "{second}");
    let uids = |text: &str| text.lines().filter(|l| l.starts_with("UID:")).map(str::to_owned).collect::<Vec<_>>();
    assert!(uids(&first) == uids(&second) && uids(&first).len() == 2, "{first}\n{second}");

    // Two parsers that know nothing of ours.
    let script = "import sys\nimport icalendar, vobject\ndata = open(sys.argv[1], 'rb').read()\nevents = icalendar.Calendar.from_ical(data).walk('VEVENT')\n\
                  v = vobject.readOne(data.decode())\nv.validate(raiseException=True)\nassert [e['SUMMARY'] for e in events] == [e.summary.value for e in v.vevent_list]\n\
                  print(len(events), any('Za\\u017c\\u00f3\\u0142\\u0107 g\\u0119\\u015bl\\u0105 ja\\u017a\\u0144, wszystko; naprawd\\u0119' in str(e['DESCRIPTION']) for e in events))\n";
    let file = n.program.join("read.ics");
    fs::write(&file, &second).unwrap();
    let python = |code: &str| std::process::Command::new("/usr/bin/python3").args(["-c", code]).arg(&file).output();
    if !python("import icalendar, vobject").is_ok_and(|o| o.status.success()) {
        greenroom_testkit::skip!("no icalendar and vobject of /usr/bin/python3: apt install python3-icalendar python3-vobject");
    }
    let read = python(script).unwrap();
    assert!(read.status.success() && String::from_utf8_lossy(&read.stdout).trim() == "2 True", "{read:?}");
}

#[test]
fn a_switch_ends_with_its_window_and_does_not_begin_after_it() {
    let n = Night::new("[switch]\nminutes = 600\n");
    n.write(-1, 3, "");
    n.done(&["dress", "--quiet"]);
    let backup = n.scene.ground.folder().join("backup.db");
    rusqlite::Connection::open(n.scene.ground.folder().join("source.db"))
        .unwrap()
        .execute("vacuum into ?1", [backup.to_str().unwrap()])
        .unwrap();
    n.done(&["prove", backup.to_str().unwrap(), "--yes", "--quiet"]);
    n.done(&["stage", "enter", "migration"]);
    let closes: Timestamp = (&n.now + SignedDuration::from_hours(3)).strftime("%Y-%m-%dT%H:%M:00Z").to_string().parse().unwrap();
    let preview = n.done(&["switch", "--preview"]);
    let said = closes.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string();
    assert!(preview.contains("GR0793") && preview.contains(&said) && preview.contains("everything goes back"), "{preview}");
    assert!(n.done(&["night"]).contains("when the window closes"));

    // It waits, and the window closes meanwhile.
    let waits = n.scene.by("anna", &["switch", "--yes", "--quiet"]);
    assert_eq!(waits.code, Some(5), "{waits:?}");
    n.write(2, 4, "");
    n.done(&["answer", "go", "--quiet"]);
    let shut = n.scene.by("anna", &["resume"]);
    assert!(shut.code == Some(4) && format!("{shut:?}").contains("GR0793"), "{shut:?}");
    assert!(n.json(&["status", "--json"])["fence"].is_null());
    n.scene.refused("anna", &["task", "start", "move"], "the window of `migration` is closed");
    assert!(n.done(&["night"]).contains("the window is closed"));

    // It opens again: what was prepared goes on, and everything goes back when it closes.
    n.write(-1, 3, "");
    let goes_on = n.scene.by("anna", &["resume", "--quiet"]);
    assert_eq!(goes_on.code, Some(5), "{goes_on:?}");
    let until: Timestamp = n.json(&["status", "--json"])["fence"]["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until, closes);
    let night = n.done(&["night"]);
    assert!(night.contains("production is fenced") && night.contains(&said), "{night}");
    n.done(&["undo", "--yes", "--quiet"]);

    // What would not be done in time is begun all the same, and warned of.
    let text = fs::read_to_string(n.program.join("process.toml")).unwrap();
    fs::write(n.program.join("process.toml"), text.replace("minutes = 15\n[task.look]", "minutes = 600\n[task.look]")).unwrap();
    let begun = n.done(&["task", "start", "move"]);
    assert!(
        begun.contains("warning:") && begun.contains("the way to the point of no return") && begun.contains("the window closes"),
        "{begun}"
    );
}
