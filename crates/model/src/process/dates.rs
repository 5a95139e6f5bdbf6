//! The dates of the process as other calendars show them: agreed dates, ends of windows, earliest dates after waits. Owns which there are and what they are called; how they are
//! written is [`super::ics`]'.

use super::gates::Sight;
use super::ics::{CalendarEvent, uid};
use super::schedule::span;
use super::{Kind, Side};
use jiff::{SignedDuration, Timestamp};

/// An event whose identity stays, whatever becomes of it; of a process that is another program's it is another.
fn event(program: &str, what: &str, id: &str) -> CalendarEvent {
    CalendarEvent {
        uid: uid(&(program, what, id)),
        sequence: 0,
        stamp: Timestamp::UNIX_EPOCH,
        organizer: None,
        attendees: Vec::new(),
        start: Timestamp::UNIX_EPOCH,
        end: Timestamp::UNIX_EPOCH,
        summary: String::new(),
        description: String::new(),
        cancelled: false,
    }
}

/// The agreed date of a stage, where there is one; one that was taken back is cancelled. Its sequence counts how often one was agreed or taken back: an invitation can be made of it as it is.
pub fn of_stage(sight: &Sight<'_>, program: &str, stage: &str) -> Option<CalendarEvent> {
    let state = sight.state.stage(stage);
    let (date, agreed) = state.agreed.or(state.withdrawn)?;
    let written = sight.process.stages.get(stage)?;
    let minutes = sight.minutes(stage);
    let task = |(id, t): (&String, &super::Task)| {
        let mark = if t.point_of_no_return { " (point of no return)" } else { "" };
        format!("{id}: {}, {}{mark}", t.title, span(i64::from(t.minutes)))
    };
    let tasks: Vec<String> = sight.process.tasks_of(stage).map(task).collect();
    let mut description = format!("Stage `{stage}` of the program `{program}`.");
    if !tasks.is_empty() {
        description.push_str(&format!("\n\n{}", tasks.join("\n")));
    }
    Some(CalendarEvent {
        sequence: state.dates.saturating_sub(1),
        stamp: agreed,
        start: date,
        end: date.checked_add(SignedDuration::from_mins(i64::from(minutes))).unwrap_or(date),
        summary: format!("{} ({program})", written.title),
        description,
        cancelled: state.agreed.is_none(),
        ..event(program, "stage", stage)
    })
}

/// All dates, in order of the stages.
pub fn events(sight: &Sight<'_>, program: &str) -> Vec<CalendarEvent> {
    let mut all = Vec::new();
    for stage in &sight.process.order {
        let agreed = of_stage(sight, program, stage);
        let state = sight.state.stage(stage);
        for (id, gate) in sight.process.gates_of(stage, Side::Entry) {
            match (&gate.kind, &agreed) {
                (Kind::Window(window), Some(date)) if !date.cancelled => {
                    if let Some(close) = sight.process.calendar.within(window, date.start) {
                        all.push(CalendarEvent {
                            sequence: date.sequence,
                            stamp: date.stamp,
                            start: close,
                            end: close,
                            summary: format!("{}: the window closes ({program})", gate.title),
                            description: format!("End of the window `{id}` of the stage `{stage}`."),
                            ..event(program, "window", id)
                        });
                    }
                }
                (Kind::Wait { since, at_least, at_most }, _) if !state.is_over() => {
                    let Some(mark) = sight.mark(since) else { continue };
                    let bounds = [(at_least, "wait", "not before", "earliest"), (at_most, "wait-end", "not after", "latest")];
                    for (lapse, what, words, which) in bounds {
                        let Some(lapse) = lapse else { continue };
                        let at = sight.process.calendar.after(mark.at, *lapse);
                        all.push(CalendarEvent {
                            sequence: u32::try_from(mark.number).unwrap_or(u32::MAX),
                            stamp: mark.at,
                            start: at,
                            end: at,
                            summary: format!("{}: {words} now ({program})", sight.process.stages[stage].title),
                            description: format!(
                                "The {which} date of the stage `{stage}`, by its gate `{id}`: {lapse} after {}.",
                                super::gates::said(since)
                            ),
                            ..event(program, what, id)
                        });
                    }
                }
                _ => {}
            }
        }
        all.extend(agreed);
    }
    all
}
