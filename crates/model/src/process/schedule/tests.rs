//! Dates that are proposed, refused and warned of: summer time, leap days, windows over midnight, long weekends, leave; and what a closing window stops.

use super::super::gates::Sight;
use super::super::*;
use super::*;
use crate::program::{Layer, PROGRAM_LAYER};
use proptest::prelude::*;

const PROCESS_TEXT: &str = r#"
[process]
timezone = "Europe/Warsaw"
hours = "08:00-16:00"
waivers = ["technician"]
[calendar.holidays]
file = "holidays.ics"
[calendar.payroll]
file = "payroll.ics"
kind = "blackout"
level = "recommend"
[event.fair]
title = "Motor fair"
from = "2027-02-15"
until = "2027-02-17"
[party.dealer]
[party.vendor]
[person.anna]
party = "dealer"
roles = ["decider"]
substitute = "ola"
leave = ["2027-02-01 to 2027-02-05"]
[person.ola]
party = "dealer"
leave = ["2027-02-04"]
[person.jan]
party = "vendor"
roles = ["technician"]
[stage.ready]
[stage.migration]
after = ["ready"]
prefer = ["tue", "wed"]
buffer = "30 minutes"
[stage.audit]
[gate.four-weeks]
stage = "migration"
at = "entry"
kind = "wait"
since = "ready"
at_least = "4 weeks"
[gate.evening]
stage = "migration"
at = "entry"
kind = "window"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "22:00"
until = "04:00"
away_from_holidays = true
away_from_long_weekends = true
[gate.agreed]
stage = "migration"
at = "exit"
kind = "sign-off"
roles = ["decider"]
[task.stop]
stage = "migration"
role = "technician"
minutes = 60
[task.move]
stage = "migration"
role = "technician"
minutes = 120
after = ["stop"]
[task.copy]
stage = "migration"
role = "technician"
minutes = 30
after = ["stop"]
[task.let-in]
stage = "migration"
role = "technician"
minutes = 60
after = ["move", "copy"]
point_of_no_return = true
[task.tidy]
stage = "migration"
role = "technician"
minutes = 0
after = ["let-in"]
"#;

/// Easter of the years that the tests use, and days that come every year.
const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:New Year\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20200106\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Epiphany\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:3\r\nDTSTART;VALUE=DATE:20270329\r\nSUMMARY:Easter Monday\r\nEND:VEVENT\r\n\
BEGIN:VEVENT\r\nUID:4\r\nDTSTART;VALUE=DATE:20270527\r\nSUMMARY:Corpus Christi\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// The last working day of each month, in the evening.
const PAYROLL: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europe/Warsaw:20261231T200000\r\nDURATION:PT6H\r\n\
RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1\r\nSUMMARY:Payroll\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn written(text: &str) -> Process {
    let files = [(PROCESS, text), ("holidays.ics", HOLIDAYS), ("payroll.ics", PAYROLL)];
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let (process, findings) = read(&[Layer { name: PROGRAM_LAYER.to_owned(), files, opaque: Default::default() }]);
    assert!(findings.is_empty(), "{findings:#?}");
    process.unwrap()
}

struct Scene {
    process: Process,
    state: State,
    proofs: Proofs,
    now: Timestamp,
}

fn t(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Scene {
    fn new(text: &str, now: &str) -> Scene {
        Scene { process: written(text), state: State::default(), proofs: Proofs::default(), now: t(now) }
    }

    /// The stage before ended long ago, so that no wait is in the way.
    fn ready(text: &str, now: &str) -> Scene {
        let mut s = Scene::new(text, now);
        for fact in [
            Fact::StageEntered { stage: "ready".into(), despite: Vec::new() },
            Fact::StageLeft { stage: "ready".into(), good: true, despite: Vec::new() },
        ] {
            s.state.apply(s.now - SignedDuration::from_hours(24 * 60), "jan", &fact);
        }
        s
    }

    fn sight(&self) -> Sight<'_> {
        Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now: self.now }
    }

    fn propose(&self, from: &str, until: &str) -> Proposal {
        self.sight().propose("migration", Some(from.parse().unwrap()), Some(until.parse().unwrap()), 99).unwrap()
    }

    /// Why a moment is refused or warned of: what it is about.
    fn against(&self, at: &str) -> Vec<(String, bool)> {
        let found = self.sight().objections("migration", t(at), self.now);
        found.into_iter().map(|o| (o.about, o.required)).collect()
    }

    fn record(&mut self, by: &str, fact: Result<Fact, Refused>) {
        let fact = fact.unwrap_or_else(|r| panic!("{r:?}"));
        self.state.apply(self.now, by, &fact);
    }
}

fn slots(p: &Proposal) -> Vec<String> {
    p.slots.iter().map(|s| format!("{} {}", s.from, s.warnings.iter().map(|w| w.about.as_str()).collect::<Vec<_>>().join(","))).collect()
}

fn why(p: &Proposal, day: &str) -> String {
    let found = p.rejected.iter().find(|r| r.day.to_string() == day).unwrap_or_else(|| panic!("{day} is not rejected: {p:#?}"));
    found.why.iter().map(|o| o.why.as_str()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_stage_takes_its_longest_way_and_what_is_to_spare() {
    let s = Scene::ready(PROCESS_TEXT, "2027-01-20T08:00:00Z");
    assert_eq!(s.sight().minutes("migration"), 60 + 120 + 60 + 30);
    assert_eq!(s.sight().minutes("audit"), 0);
}

#[test]
fn every_day_is_proposed_or_says_why_not() {
    let s = Scene::ready(PROCESS_TEXT, "2027-01-20T08:00:00Z");
    let p = s.propose("2027-01-25", "2027-02-18");
    // Preferred days first; Ola acts for Anna until she is away herself, on the 4th; payroll only warns.
    let expected = [
        "2027-01-26T21:00:00Z ",
        "2027-01-27T21:00:00Z ",
        "2027-02-02T21:00:00Z ",
        "2027-02-09T21:00:00Z ",
        "2027-02-10T21:00:00Z ",
        "2027-01-25T21:00:00Z preferred days",
        "2027-01-28T21:00:00Z preferred days",
        "2027-02-01T21:00:00Z preferred days",
        "2027-02-05T21:00:00Z preferred days",
        "2027-02-08T21:00:00Z preferred days",
        "2027-02-11T21:00:00Z preferred days",
        "2027-02-12T21:00:00Z preferred days",
        "2027-02-18T21:00:00Z preferred days",
        "2027-01-29T21:00:00Z payroll,preferred days",
    ];
    assert_eq!(slots(&p), expected);
    let rejected: Vec<String> = p.rejected.iter().map(|r| r.day.to_string()).collect();
    assert_eq!(
        rejected,
        [
            "2027-01-30",
            "2027-01-31",
            "2027-02-03",
            "2027-02-04",
            "2027-02-06",
            "2027-02-07",
            "2027-02-13",
            "2027-02-14",
            "2027-02-15",
            "2027-02-16",
            "2027-02-17"
        ]
    );
    assert_eq!(why(&p, "2027-01-30"), "no window begins on a Saturday");
    assert!(why(&p, "2027-02-16").contains("Motor fair: 2027-02-15 00:00 to 2027-02-18 00:00"), "{p:#?}");
    let gone = why(&p, "2027-02-04");
    assert!(
        gone.contains("nobody who signs is there")
            && gone.contains("anna is away until 2027-02-06 00:00, ola is away until 2027-02-05 00:00"),
        "{gone}"
    );
    // The night of the 3rd goes on into the 4th, on which nobody could sign.
    assert!(why(&p, "2027-02-03").contains("nobody who signs"), "{p:#?}");
}

#[test]
fn the_past_is_never_proposed_and_a_window_that_is_open_still_is() {
    // Half past midnight on a Thursday: the window of Wednesday is open until 4.
    let short = PROCESS_TEXT.replace("minutes = 120", "minutes = 20").replace("minutes = 60", "minutes = 10");
    let s = Scene::ready(&short, "2027-01-20T23:31:00Z");
    let p = s.sight().propose("migration", Some("2026-01-01".parse().unwrap()), Some("2027-01-22".parse().unwrap()), 99).unwrap();
    assert_eq!(slots(&p), ["2027-01-20T23:45:00Z ", "2027-01-21T21:00:00Z preferred days", "2027-01-22T21:00:00Z preferred days"]);
    assert_eq!(s.against("2027-01-20T23:31:00Z")[0], ("past".to_owned(), true));
    assert!(s.sight().agree("migration", t("2027-01-19T21:00:00Z")).is_err());
    let backwards = s.sight().propose("migration", Some("2027-03-01".parse().unwrap()), Some("2027-02-01".parse().unwrap()), 5);
    assert!(backwards.unwrap_err().message.contains("is before"));
}

#[test]
fn windows_over_midnight_are_as_long_as_clocks_let_them_be() {
    // 6 hours from 22 to 4; summer time takes one of them away in March and gives one in October. It takes 5 h 30 min.
    let long = PROCESS_TEXT
        .replace("buffer = \"30 minutes\"", "buffer = \"90 minutes\"")
        .replace("\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"", "\"sat\"");
    let s = Scene::ready(&long, "2027-02-20T08:00:00Z");
    assert_eq!(s.sight().minutes("migration"), 330);
    let spring = s.propose("2027-03-20", "2027-04-03");
    assert_eq!(slots(&spring), ["2027-03-20T21:00:00Z preferred days", "2027-04-03T20:00:00Z preferred days"]);
    assert!(why(&spring, "2027-03-27").contains("long weekend"), "Easter Monday follows: {spring:#?}");
    let s = Scene::ready(&long.replace("away_from_long_weekends = true", "away_from_long_weekends = false"), "2027-02-20T08:00:00Z");
    assert!(why(&s.propose("2027-03-27", "2027-03-27"), "2027-03-27").contains("takes 5 h 30 min, and the window closes 5 h later"));
    let autumn = Scene::ready(&long, "2027-10-20T08:00:00Z").propose("2027-10-30", "2027-10-30");
    assert_eq!(slots(&autumn), ["2027-10-30T20:00:00Z preferred days"]);
    let longer = long.replace("90 minutes", "170 minutes");
    let autumn = Scene::ready(&longer, "2027-10-20T08:00:00Z").propose("2027-10-23", "2027-11-06");
    assert_eq!(slots(&autumn), ["2027-10-30T20:00:00Z preferred days"], "only that night has seven hours");
}

#[test]
fn waits_over_a_leap_day_and_summer_time_bound_the_date() {
    let text = PROCESS_TEXT.replace("at_least = \"4 weeks\"", "at_least = \"1 day\"");
    let mut s = Scene::new(&text, "2028-02-28T22:30:00Z");
    s.record("jan", s.sight().enter("ready"));
    s.record("jan", s.sight().leave("ready", true));
    // 23:30 in Warsaw; a day later is the 29th, 23:30, which leaves too little of the window.
    let p = s.sight().propose("migration", None, Some("2028-03-01".parse().unwrap()), 9).unwrap();
    assert_eq!(slots(&p), ["2028-02-29T22:30:00Z payroll", "2028-03-01T21:00:00Z "].iter().rev().copied().collect::<Vec<_>>(), "{p:#?}");
    assert!(why(&p, "2028-02-28").contains("not before 2028-02-29 23:30"));
    let mut s = Scene::new(PROCESS_TEXT, "2027-03-08T21:30:00Z");
    s.record("jan", s.sight().enter("ready"));
    s.record("jan", s.sight().leave("ready", true));
    let p = s.sight().propose("migration", None, None, 1).unwrap();
    // Four weeks later it is 22:30 there all the same, an hour earlier here; the 6th is a Tuesday.
    assert_eq!(slots(&p), ["2027-04-06T20:00:00Z "]);
    assert_eq!(s.against("2027-04-05T20:29:00Z")[0].0, "four-weeks");
    assert!(s.against("2027-04-05T20:30:00Z").iter().all(|(about, _)| about != "four-weeks"));
}

#[test]
fn what_has_not_ended_bounds_what_comes_after_it() {
    let mut s = Scene::new(PROCESS_TEXT, "2027-01-04T08:00:00Z");
    let early = s.sight().agree("migration", t("2027-01-12T21:00:00Z")).unwrap_err();
    assert!(
        early.gates.iter().any(|g| g.gate == "four-weeks" && g.why.contains("not before 2027-02-01 09:00 at the earliest")),
        "{early:?}"
    );
    s.record("anna", s.sight().agree("migration", t("2027-02-09T21:00:00Z")));
    assert!(s.sight().misfits("migration").is_empty());
    // The stage before is agreed for later: the date does not fit any more.
    s.record("anna", s.sight().agree("ready", t("2027-01-20T08:00:00Z")));
    let moved = s.sight().misfits("migration");
    assert!(moved.iter().any(|o| o.about == "four-weeks" && o.why.contains("2027-02-17 09:00")), "{moved:?}");
    s.now = t("2027-02-10T08:00:00Z");
    assert_eq!(s.sight().misfits("migration")[0].about, "past");
}

#[test]
fn a_date_may_be_agreed_against_what_is_recommended_and_that_is_on_record() {
    let mut s = Scene::ready(PROCESS_TEXT, "2027-01-20T08:00:00Z");
    let Ok(Fact::DateAgreed { despite, .. }) = s.sight().agree("migration", t("2027-01-29T21:00:00Z")) else { panic!() };
    assert_eq!(despite, ["payroll", "preferred days"]);
    let refused = s.sight().agree("migration", t("2027-02-16T21:00:00Z")).unwrap_err();
    assert!(refused.gates.iter().any(|g| g.gate == "fair") && refused.hint.contains("greenroom schedule migration"), "{refused:?}");
    // A window that is waived binds nobody.
    assert!(s.sight().agree("migration", t("2027-02-09T10:00:00Z")).is_err());
    s.record("jan", s.sight().waive("evening", Some("jan")));
    assert!(s.sight().agree("migration", t("2027-02-09T10:00:00Z")).is_ok());
    // A stage without a window begins within the working day of a business day, or is warned of.
    let p = s.sight().propose("audit", None, None, 2).unwrap();
    assert_eq!(slots(&p), ["2027-01-20T08:15:00Z ", "2027-01-21T07:00:00Z "]);
    let Ok(Fact::DateAgreed { despite, .. }) = s.sight().agree("audit", t("2027-01-24T10:00:00Z")) else { panic!() };
    assert_eq!(despite, ["working hours"]);
}

#[test]
fn long_weekends_and_the_days_before_them_are_kept_free() {
    let s = Scene::ready(PROCESS_TEXT, "2027-03-01T08:00:00Z");
    let calendar = &s.process.calendar;
    let long = |d: &str| calendar.is_long_weekend(d.parse().unwrap());
    // Easter Monday: Saturday to Monday. Corpus Christi is a Thursday: people take the Friday off.
    assert!(!long("2027-03-26") && long("2027-03-27") && long("2027-03-29") && !long("2027-03-30"));
    assert!(!long("2027-05-26") && long("2027-05-27") && long("2027-05-28") && long("2027-05-30") && !long("2027-05-31"));
    // An ordinary weekend; Epiphany 2027, a Wednesday by itself.
    assert!(!long("2027-02-06") && !long("2027-01-06") && !long("2027-01-05"));
    let p = s.propose("2027-03-25", "2027-03-31");
    assert_eq!(
        slots(&p),
        ["2027-03-30T20:00:00Z ", "2027-03-25T21:00:00Z preferred days", "2027-03-31T20:00:00Z payroll"].map(str::to_owned)
    );
    assert!(why(&p, "2027-03-26").contains("the day before a long weekend") && why(&p, "2027-03-29").contains("is a holiday"));
}

#[test]
fn there_may_be_no_date_at_all() {
    let s = Scene::ready(&PROCESS_TEXT.replace("minutes = 120", "minutes = 1200"), "2027-01-20T08:00:00Z");
    let p = s.sight().propose("migration", None, None, 3).unwrap();
    assert!(p.slots.is_empty() && p.rejected.len() == 366, "{}", p.rejected.len());
    assert!(why(&p, "2027-01-26").contains("it takes 22 h 30 min, and the window closes 6 h later"));
    assert!(s.sight().propose("nothing", None, None, 3).is_err() && s.sight().propose("ready", None, None, 3).is_err());
}

#[test]
fn business_hours_are_those_of_working_days() {
    let calendar = written(PROCESS_TEXT).calendar;
    let after = |since: &str, lapse: &str| calendar.after(t(since), Lapse::parse(lapse).unwrap()).to_string();
    assert_eq!(after("2027-01-04T10:00:00Z", "2 business hours"), "2027-01-04T12:00:00Z");
    assert_eq!(after("2027-01-04T14:00:00Z", "2 business hours"), "2027-01-05T08:00:00Z", "until 16:00 there, then from 8:00");
    assert_eq!(after("2027-01-05T14:00:00Z", "2 business hours"), "2027-01-07T08:00:00Z", "Epiphany lies between");
    assert_eq!(after("2027-01-08T20:00:00Z", "8 business hours"), "2027-01-11T15:00:00Z", "a weekend, and the whole of Monday");
    assert_eq!(after("2027-03-26T14:30:00Z", "1 business hour"), "2027-03-30T06:30:00Z", "Easter, and summer time");
    assert_eq!(Lapse::parse("1 business hour").unwrap().to_string(), "1 business hour");
}

#[test]
fn a_closing_window_stops_what_has_not_passed_its_point_of_no_return() {
    let mut s = Scene::ready(PROCESS_TEXT, "2027-01-26T21:00:00Z");
    s.record("jan", s.sight().enter("migration"));
    assert_eq!(s.sight().late("stop"), None);
    assert_eq!(s.sight().windows("migration").unwrap().closing(s.now), Closing::At(t("2027-01-27T03:00:00Z")));
    s.record("jan", s.sight().start_task("stop", Some("jan")));
    s.record("jan", s.sight().end_task("stop", Some("jan"), true));
    // From 23:30 on move and let-in, three hours, end after 4 o'clock in Warsaw.
    s.now = t("2027-01-27T00:30:00Z");
    let late = s.sight().late("move").unwrap();
    assert!(
        late.contains("the way to the point of no return is quoted to end 2027-01-27 04:30, and the window closes 2027-01-27 04:00"),
        "{late}"
    );
    assert_eq!(s.sight().late("copy"), None, "half an hour, and an hour");
    s.record("jan", s.sight().start_task("move", Some("jan")));
    s.now = t("2027-01-27T03:30:00Z");
    let shut = s.sight().start_task("copy", Some("jan")).unwrap_err();
    assert!(shut.message.contains("the window of `migration` is closed") && shut.message.contains("2027-01-27 22:00"), "{shut:?}");
    // What is under way may end, the next night is another window, and who may waives.
    s.record("jan", s.sight().end_task("move", Some("jan"), true));
    s.record("jan", s.sight().waive("evening", Some("jan")));
    assert!(s.sight().windows("migration").is_none());
    s.record("jan", s.sight().start_task("copy", Some("jan")));
    s.record("jan", s.sight().end_task("copy", Some("jan"), true));
    s.state.waived.clear();
    assert!(s.sight().start_task("let-in", Some("jan")).is_err(), "the point itself is not passed in a closed window");
    s.now = t("2027-01-27T21:00:00Z");
    s.record("jan", s.sight().start_task("let-in", Some("jan")));
    s.record("jan", s.sight().end_task("let-in", Some("jan"), true));
    // Behind the point of no return nothing is stopped.
    s.now = t("2027-01-28T09:00:00Z");
    s.record("jan", s.sight().start_task("tidy", Some("jan")));
}

#[test]
fn other_calendars_are_told_the_dates_and_their_changes() {
    let mut s = Scene::ready(PROCESS_TEXT, "2027-01-20T08:00:00Z");
    s.record("anna", s.sight().agree("migration", t("2027-01-26T21:00:00Z")));
    let first = dates::events(&s.sight(), "dealer");
    let titles: Vec<&str> = first.iter().map(|e| e.summary.as_str()).collect();
    assert_eq!(titles, ["evening: the window closes (dealer)", "migration: not before now (dealer)", "migration (dealer)"]);
    assert_eq!((first[2].start, first[2].end, first[2].sequence), (t("2027-01-26T21:00:00Z"), t("2027-01-27T01:30:00Z"), 0));
    assert_eq!(first[0].start, t("2027-01-27T03:00:00Z"));
    s.now += SignedDuration::from_hours(1);
    s.record("anna", s.sight().agree("migration", t("2027-02-09T21:00:00Z")));
    let second = dates::events(&s.sight(), "dealer");
    assert!(second.iter().zip(&first).all(|(b, a)| a.uid == b.uid));
    assert_eq!((second[2].sequence, second[0].sequence, second[0].start), (1, 1, t("2027-02-10T03:00:00Z")));
    assert!(first[2].uid != dates::events(&s.sight(), "clinic")[2].uid);
}

#[test]
fn a_kit_brings_holidays_and_the_program_its_own() {
    let layer = |name: &str, files: &[(&str, &str)]| Layer {
        name: name.to_owned(),
        files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        opaque: Default::default(),
    };
    let easter = |layers: &[Layer]| {
        let (process, findings) = read(layers);
        assert!(findings.is_empty(), "{findings:#?}");
        process.unwrap().calendar.holidays.contains(&"2027-03-29".parse().unwrap())
    };
    let kit = layer("kit", &[(PROCESS, PROCESS_TEXT), ("holidays.ics", HOLIDAYS), ("payroll.ics", PAYROLL)]);
    let own = "[process]\ntimezone = \"Europe/Warsaw\"\n";
    assert!(easter(&[kit.clone(), layer(PROGRAM_LAYER, &[(PROCESS, own)])]));
    let other = HOLIDAYS.replace("20270329", "20270330");
    assert!(!easter(&[kit.clone(), layer(PROGRAM_LAYER, &[("holidays.ics", &other)])]));
    // A fault in a kit's file is shown there.
    let broken = layer("kit", &[(PROCESS, PROCESS_TEXT), ("holidays.ics", "BEGIN:VCALENDAR\nhello\n"), ("payroll.ics", PAYROLL)]);
    let findings = read(&[broken]).1;
    assert!(findings.iter().any(|f| f.code == "GR0131" && f.place.as_ref().is_some_and(|p| p.file == "kit/holidays.ics")), "{findings:#?}");
}

#[test]
fn faults_of_dates_are_named_with_their_place() {
    for (was, becomes, code, words) in [
        ("file = \"holidays.ics\"", "file = \"feasts.ics\"", "GR0131", "`feasts.ics` is not there"),
        ("file = \"holidays.ics\"", "file = \"../holidays.ics\"", "GR0131", "is not there"),
        ("file = \"holidays.ics\"", "kind = \"holidays\"", "GR0130", "lacks `file`"),
        ("from = \"2027-02-15\"", "from = \"2027-02-18\"", "GR0130", "the event `fair` has no time"),
        ("from = \"2027-02-15\"\n", "", "GR0130", "the event `fair` lacks `from`"),
        ("hours = \"08:00-16:00\"", "hours = \"22:00-06:00\"", "GR0130", "is no working day"),
        ("leave = [\"2027-02-04\"]", "leave = [\"Easter\"]", "GR0130", "`Easter` is no leave"),
        ("leave = [\"2027-02-04\"]", "leave = [\"2027-02-04 to 2027-02-01\"]", "GR0130", "is no leave"),
        ("buffer = \"30 minutes\"", "buffer = \"a bit\"", "GR0130", "is no time to spare"),
        ("prefer = [\"tue\", \"wed\"]", "prefer = [\"tuesday\"]", "GR0130", "`tuesday` is no day"),
    ] {
        let text = PROCESS_TEXT.replacen(was, becomes, 1);
        let files = [(PROCESS, text.as_str()), ("holidays.ics", HOLIDAYS), ("payroll.ics", PAYROLL)];
        let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let (process, findings) = read(&[Layer { name: PROGRAM_LAYER.to_owned(), files, opaque: Default::default() }]);
        assert!(process.is_none(), "{becomes}");
        let found =
            findings.iter().find(|f| f.code == code && f.message.contains(words)).unwrap_or_else(|| panic!("{words}: {findings:#?}"));
        assert!(found.place.as_ref().is_some_and(|p| p.file == PROCESS && p.span.end > p.span.start), "{found:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_proposed_is_accepted_and_lies_where_it_may(minutes in 0i64..60 * 24 * 366 * 3, length in 1u32..400, waited in 0i64..60) {
        let text = PROCESS_TEXT.replace("minutes = 120", &format!("minutes = {length}"));
        let mut s = Scene::new(&text, "2026-06-01T00:00:00Z");
        let ended = s.now + SignedDuration::from_mins(minutes);
        for fact in [
            Fact::StageEntered { stage: "ready".into(), despite: Vec::new() },
            Fact::StageLeft { stage: "ready".into(), good: true, despite: Vec::new() },
        ] {
            s.state.apply(ended, "jan", &fact);
        }
        s.now = ended + SignedDuration::from_hours(24 * waited);
        let p = s.sight().propose("migration", None, None, 4).unwrap();
        let warsaw = jiff::tz::TimeZone::get("Europe/Warsaw").unwrap();
        for slot in &p.slots {
            let Ok(Fact::DateAgreed { despite, .. }) = s.sight().agree("migration", slot.from) else { panic!("{slot:?}") };
            prop_assert_eq!(despite, slot.warnings.iter().map(|w| w.about.clone()).collect::<Vec<_>>());
            // In other words than the product's.
            prop_assert!(slot.from > s.now && slot.from.duration_since(ended) >= SignedDuration::from_hours(24 * 28 - 1));
            let from = slot.from.to_zoned(warsaw.clone());
            let evening = if from.hour() < 4 { from.yesterday().unwrap() } else { from.clone() };
            prop_assert!(from.hour() >= 22 || from.hour() < 4);
            prop_assert!(evening.weekday().to_monday_zero_offset() < 5);
            let feast = |z: &jiff::Zoned| [(1, 1), (1, 6)].contains(&(z.month(), z.day()));
            prop_assert!(!feast(&evening) && !feast(&evening.tomorrow().unwrap()));
            let until = slot.until.to_zoned(warsaw.clone());
            let closes = evening.tomorrow().unwrap().date().at(4, 0, 0, 0).to_zoned(warsaw.clone()).unwrap();
            prop_assert!(until <= closes, "{} {}", until, closes);
            prop_assert!(until.timestamp() <= t("2027-02-14T23:00:00Z") || slot.from >= t("2027-02-17T23:00:00Z"), "the fair");
        }
        for r in &p.rejected {
            prop_assert!(!r.why.is_empty() && r.why.iter().all(|o| o.required));
        }
        // Six hours, of which the stop, letting in and what is to spare take two and a half.
        prop_assert_eq!(p.slots.is_empty(), length > 210, "{}", length);
    }
}
