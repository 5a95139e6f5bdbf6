//! The sentences of notices, by language. A language is a constant of all of them: one that lacks a sentence does not compile, and a test compares their places.
//!
//! Polish sentences name people in the nominative and facts without a subject (`Rozpoczęto etap … Kto: …`): nobody's grammatical gender is known, and titles are not declined. Reasons why a gate is not met are
//! made by the model in English; a sentence of another language leaves `{why}` out and says what is known in data instead: which gate of which kind, whose turn, not before when.

use crate::process::words::{Forms, Language, fill};
use serde::Serialize;

/// Everything that is said in one language. Places are in braces; see [`fill`].
#[derive(Serialize)]
pub(super) struct Words {
    /// Whose words these are.
    #[serde(skip)]
    pub language: Language,
    pub somebody: &'static str,
    pub minutes: Forms,
    pub bytes: Forms,
    /// How many more there are in one mail.
    pub more: Forms,
    pub more_listed: &'static str,
    pub footer: &'static str,
    pub footer_reminder: &'static str,
    pub whose_turn: &'static str,
    pub open: &'static str,
    pub open_turn: &'static str,
    pub open_not_before: &'static str,
    pub recommended: &'static str,
    pub by_when: &'static str,
    pub before_entry: &'static str,
    pub before_end: &'static str,
    pub nothing_before_end: &'static str,
    pub nothing_before_entry: &'static str,
    pub said_to_it: &'static str,
    pub go_live: &'static str,
    pub go_live_says: &'static str,
    pub go_live_then: &'static str,
    pub entered: &'static str,
    pub entered_says: &'static str,
    pub entered_despite: &'static str,
    pub left_well: &'static str,
    pub left_badly: &'static str,
    pub left_well_says: &'static str,
    pub left_badly_says: &'static str,
    pub next_free: &'static str,
    pub next_open: &'static str,
    pub can_be_entered_again: &'static str,
    pub asked: &'static str,
    pub asked_entry: &'static str,
    pub asked_exit: &'static str,
    pub asked_of: &'static str,
    pub look_at_it: &'static str,
    pub approved: &'static str,
    pub approved_says: &'static str,
    pub rejected: &'static str,
    pub rejected_says: &'static str,
    pub rejected_final: &'static str,
    pub gate_met: &'static str,
    pub gate_not_met: &'static str,
    pub waived: &'static str,
    pub waived_says: &'static str,
    pub received: &'static str,
    pub received_says: &'static str,
    pub received_by_link: &'static str,
    pub under_way: &'static str,
    pub begun: &'static str,
    pub quoted: &'static str,
    pub done: &'static str,
    pub done_says: &'static str,
    pub failed: &'static str,
    pub failed_says: &'static str,
    pub failed_again: &'static str,
    pub who_waits: &'static str,
    pub no_return: &'static str,
    pub handed_over: &'static str,
    pub handed_over_says: &'static str,
    pub case: &'static str,
    pub case_says: &'static str,
    pub case_said_to_it: &'static str,
    pub found: &'static str,
    pub found_says: &'static str,
    pub not_mended_says: &'static str,
    pub mend_until: &'static str,
    pub mend_then: &'static str,
    pub mended: &'static str,
    pub mended_says: &'static str,
    pub mended_turn: &'static str,
    pub mended_then: &'static str,
    pub concluded: &'static str,
    pub concluded_says: &'static str,
    pub concluded_open: Forms,
    pub concluded_none_open: &'static str,
    pub concluded_anew: &'static str,
    pub your_turn: &'static str,
    pub ready: &'static str,
    pub ready_again: &'static str,
    pub nobody_may: &'static str,
    pub quoted_now: &'static str,
    pub no_return_yet: &'static str,
    pub instruction: &'static str,
    pub say_begin: &'static str,
    pub date_off: &'static str,
    pub date_off_bad_end: &'static str,
    pub date_off_withdrawn: &'static str,
    pub date_agreed: &'static str,
    pub date_agreed_says: &'static str,
    pub date_moved: &'static str,
    pub date_moved_says: &'static str,
    pub calendar_says: &'static str,
    pub near: &'static str,
    pub near_says: &'static str,
    pub due: &'static str,
    pub due_says: &'static str,
    pub time_ends: &'static str,
    pub time_ends_says: &'static str,
    pub late_stage: &'static str,
    pub late_stage_says: &'static str,
    pub late_stage_then: &'static str,
    pub late_task: &'static str,
    pub late_task_says: &'static str,
    pub wait_over: &'static str,
    pub wait_over_says: &'static str,
    pub wait_over_free: &'static str,
    pub head: &'static str,
    pub head_says: &'static str,
    pub head_keep: &'static str,
    pub head_check: &'static str,
    pub head_signed: &'static str,
    pub head_unsigned: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) fn of(language: Language) -> &'static Words {
        match language {
            Language::En => &EN,
            Language::Pl => &PL,
        }
    }

    /// So many minutes.
    pub(super) fn minutes(&self, n: u32) -> String {
        self.language.count(u64::from(n), &self.minutes)
    }

    /// What stands behind a subject for so many more.
    pub(super) fn more(&self, n: usize) -> String {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        fill(self.more.of(self.language, n), &[("n", &n.to_string())])
    }
}

static EN: Words = Words {
    language: Language::En,
    somebody: "somebody",
    minutes: Forms::two("minute", "minutes"),
    bytes: Forms::two("byte", "bytes"),
    more: Forms::two(" (and {n} more)", " (and {n} more)"),
    more_listed: "  - and {n} more: `greenroom stage`",
    footer: "Program {program}, event {event} of its record, {date} ({zone}). Who did it is known by their login only.\nWhy you are told: the rule `{rule}` in process.toml.",
    footer_reminder: "Program {program}, {date} ({zone}). It is about event {event} of its record.\nWhy you are told: the rule `{rule}` in process.toml.",
    whose_turn: "Whose turn it is: {names}.",
    open: "  - {gate}{recommended}: {why}.{turn}",
    open_turn: " Whose turn it is: {names}.",
    open_not_before: "",
    recommended: " (recommended)",
    by_when: "By when: `{stage}` is agreed for {date}.",
    before_entry: "Before it can be entered:",
    before_end: "Before it can end well:",
    nothing_before_end: "Nothing is in the way of its end.",
    nothing_before_entry: "Nothing that has to be so by then is missing.",
    said_to_it: "What was said to it: `greenroom record`.",
    go_live: "the go-live is finished: users work in the new production",
    go_live_says: "The switch of `{program}` is finished. Users work in the new production.",
    go_live_then: "`greenroom stage` shows what remains to be done; `greenroom rollback` shows whether there is a way back, and until when.",
    entered: "`{stage}` has begun",
    entered_says: "{by} has entered the stage {title}.",
    entered_despite: "That was recommended otherwise, which is on record: {gates}.",
    left_well: "`{stage}` has ended well",
    left_badly: "`{stage}` has ended badly",
    left_well_says: "{by} has ended the stage {title}, well.",
    left_badly_says: "{by} has ended the stage {title}, badly.",
    next_free: "Next is {title}, and nothing blocks it: `greenroom stage enter {stage}`.",
    next_open: "Next is {title}. Before it can be entered:",
    can_be_entered_again: "It can be entered again. What was ticked, signed or waived for this try does not count for the next one.",
    asked: "your approval is asked: `{gate}`",
    asked_entry: "{by} asks for approval at {title}, before entering {stage}.",
    asked_exit: "{by} asks for approval at {title}, before leaving {stage}.",
    asked_of: "It is about what stands now ({hash}): when something of it changes, it is asked anew.",
    look_at_it: "Look at it, then approve of it, or reject it with `--reject`, which is final until it is asked anew:",
    approved: "`{gate}` is approved",
    approved_says: "{by} has approved of what was asked at {title}.",
    rejected: "`{gate}` is rejected",
    rejected_says: "{by} has rejected what was asked at {title}.",
    rejected_final: "That is final until it is asked anew, after what was wrong is mended. What was said to it: `greenroom record`.",
    gate_met: "The gate is met.",
    gate_not_met: "It is not met yet: {why}. Whose turn it is: {names}.",
    waived: "`{gate}` is waived",
    waived_says: "{by} lets {title} pass although it is not met: {why}.",
    received: "`{name}` is received",
    received_says: "{by} has put a received file on record: `{name}`, {bytes}.",
    received_by_link: "A file came by the link for {by}: `{name}`, {bytes}.",
    under_way: "`{task}` is under way",
    begun: "{by} has begun {title}.",
    quoted: "Quoted: {minutes}, until {date}.",
    done: "`{task}` is done",
    done_says: "{by} has done {title}.",
    failed: "`{task}` FAILED",
    failed_says: "{title} could not be done; {by} says so. What was said to it: `greenroom record`.",
    failed_again: "It can be begun again, by {names}.",
    who_waits: "Who waits for it: {names}.",
    no_return: "It is a point of no return.",
    handed_over: "`{task}` is {to}'s now",
    handed_over_says: "{by} has handed over {title}: {to} goes on with it.",
    case: "test case `{case}`: {outcome}",
    case_says: "{by} has tried {title} on generation {generation} of the pilot: {outcome}.",
    case_said_to_it: "What was said to it: `greenroom test-plan show`.",
    found: "to be mended: {finding} ({weight})",
    found_says: "{by} has found something in {title}: `{finding}`, {weight}.",
    not_mended_says: "{by} has looked at `{finding}` again: it is not mended.",
    mend_until: "To be mended until {day}.",
    mend_then: "What it is about: `greenroom audit show {audit}`. Say that it is mended:",
    mended: "mended, to be verified: {finding}",
    mended_says: "{by} says that `{finding}` of {title} is mended.",
    mended_turn: "Whose turn it is to look: {names}.",
    mended_then: "What was done: `greenroom audit show`. If it is not mended, `greenroom audit reject` opens it again.",
    concluded: "audit `{audit}` is {word}",
    concluded_says: "{by} has concluded {title}: {word}.",
    concluded_open: Forms::two("finding of it is open", "findings of it are open"),
    concluded_none_open: "No finding of it is open.",
    concluded_anew: "The next try of {stage} begins it anew.",
    your_turn: "your turn: {title}",
    ready: "The task {title} can be begun: everything before it is done.",
    ready_again: "The task {title} can be begun again.",
    nobody_may: "Nobody may do it: nobody has the role `{role}`.",
    quoted_now: "Quoted: {minutes}; begun now, until {date}.",
    no_return_yet: "It is a point of no return: from there on nothing goes back by itself.",
    instruction: "What is to be done:",
    say_begin: "Say that you begin:",
    date_off: "`{stage}` is off",
    date_off_bad_end: "{title} ended badly, and its date, {date}, does not stand any more.",
    date_off_withdrawn: "{by} has taken back the date of {title}: {date} does not stand any more, and no other is agreed.",
    date_agreed: "`{stage}` is agreed for {date}",
    date_agreed_says: "{by} has put on record that {title} is to begin {on}.",
    date_moved: "`{stage}` has moved to {date}",
    date_moved_says: "{by} has put on record that {title} is to begin {on}, and not {on_before}.",
    calendar_says: "`greenroom stage` shows how it stands.",
    near: "reminder: `{stage}` is agreed for {date}",
    near_says: "{title} is to begin {on}.",
    due: "reminder: `{gate}` is due by {date}",
    due_says: "{title} has to be met before {stage} begins {on}. It is not met yet: {why}.",
    time_ends: "reminder: the time for `{stage}` ends {on}",
    time_ends_says: "{stage} has to be entered until then, says its gate {title}: {on} the time for it ends.",
    late_stage: "overdue: `{stage}` has not begun",
    late_stage_says: "{title} was to begin {on}, and has not.",
    late_stage_then: "Enter it, agree upon another date, or take the date back:",
    late_task: "overdue: `{task}` takes longer than quoted",
    late_task_says: "{title} was begun by {by} {on}. Quoted: {minutes}, until {date}.",
    wait_over: "the wait before `{stage}` is over",
    wait_over_says: "The wait at {title} is over since {date}: what has to pass before {stage} has passed.",
    wait_over_free: "Nothing blocks it: `greenroom stage enter {stage}`.",
    head: "head of the record",
    head_says: "With this comes the head of the program's record: number and hash of its latest event, which covers every event before it.",
    head_keep: "Keep it where nobody who runs the program can write: whoever has it can show whether the record was rewritten since.",
    head_check: "Check the record against it, once the file is saved:",
    head_signed: "It is signed with a key; the check shows whose.",
    head_unsigned: "It is not signed, as process.toml says: it shows a rewrite, but not who vouches for it.",
};

static PL: Words = Words {
    language: Language::Pl,
    somebody: "ktoś",
    minutes: Forms { one: "minuta", few: "minuty", many: "minut" },
    bytes: Forms { one: "bajt", few: "bajty", many: "bajtów" },
    more: Forms { one: " (i {n} inna sprawa)", few: " (i {n} inne sprawy)", many: " (i {n} innych spraw)" },
    more_listed: "  - i jeszcze {n}: `greenroom stage`",
    footer: "Program {program}, zdarzenie {event} zapisu, {date} ({zone}). Kto działał, wiadomo tylko z loginu.\nSkąd ta wiadomość: reguła `{rule}` w process.toml.",
    footer_reminder: "Program {program}, {date} ({zone}). Dotyczy zdarzenia {event} zapisu.\nSkąd ta wiadomość: reguła `{rule}` w process.toml.",
    whose_turn: "Czyja kolej: {names}.",
    open: "  - {title}{recommended}: {kind}.{not_before}{turn}",
    open_turn: " Czyja kolej: {names}.",
    open_not_before: " Nie wcześniej niż {on}.",
    recommended: " (zalecany)",
    by_when: "Do kiedy: etap `{stage}` ma uzgodniony termin: {date}.",
    before_entry: "Zanim będzie można go rozpocząć:",
    before_end: "Zanim będzie można zakończyć go pomyślnie:",
    nothing_before_end: "Nic nie stoi na przeszkodzie, by go zakończyć.",
    nothing_before_entry: "Nie brakuje niczego, co do tego czasu musi być spełnione.",
    said_to_it: "Co przy tym powiedziano: `greenroom record`.",
    go_live: "uruchomienie zakończone: użytkownicy pracują w nowym środowisku produkcyjnym",
    go_live_says: "Przełączenie programu `{program}` jest zakończone. Użytkownicy pracują w nowym środowisku produkcyjnym.",
    go_live_then: "`greenroom stage` pokazuje, co pozostało do zrobienia; `greenroom rollback` pokazuje, czy jest droga powrotu i do kiedy.",
    entered: "etap `{stage}` rozpoczęty",
    entered_says: "Rozpoczęto etap {title}. Kto: {by}.",
    entered_despite: "Zalecano inaczej, co jest odnotowane w zapisie: {gates}.",
    left_well: "etap `{stage}` zakończony pomyślnie",
    left_badly: "etap `{stage}` zakończony niepowodzeniem",
    left_well_says: "Pomyślnie zakończono etap {title}. Kto: {by}.",
    left_badly_says: "Zakończono niepowodzeniem etap {title}. Kto: {by}.",
    next_free: "Następny etap: {title}. Nic go nie blokuje: `greenroom stage enter {stage}`.",
    next_open: "Następny etap: {title}. Zanim będzie można go rozpocząć:",
    can_be_entered_again: "Można go rozpocząć ponownie. To, co w tej próbie odhaczono lub podpisano i od czego odstąpiono, w następnej się nie liczy.",
    asked: "prośba o zatwierdzenie: `{gate}`",
    asked_entry: "Prośba o zatwierdzenie przed rozpoczęciem etapu {stage}: {title}. Kto prosi: {by}.",
    asked_exit: "Prośba o zatwierdzenie przed zakończeniem etapu {stage}: {title}. Kto prosi: {by}.",
    asked_of: "Dotyczy obecnego stanu ({hash}): gdy coś się w nim zmieni, trzeba poprosić ponownie.",
    look_at_it: "Proszę to obejrzeć, a następnie zatwierdzić albo odrzucić (`--reject`); odrzucenie jest ostateczne do czasu ponownej prośby:",
    approved: "zatwierdzono: `{gate}`",
    approved_says: "Zatwierdzono to, o co proszono: {title}. Kto: {by}.",
    rejected: "odrzucono: `{gate}`",
    rejected_says: "Odrzucono to, o co proszono: {title}. Kto: {by}.",
    rejected_final: "Jest to ostateczne do czasu ponownej prośby, po usunięciu tego, co było nie tak. Co przy tym powiedziano: `greenroom record`.",
    gate_met: "Warunek jest spełniony.",
    gate_not_met: "Warunek nie jest jeszcze spełniony. Czyja kolej: {names}.",
    waived: "odstąpiono od warunku `{gate}`",
    waived_says: "Odstąpiono od niespełnionego warunku {title}. Kto: {by}.",
    received: "otrzymano plik `{name}`",
    received_says: "Zapisano otrzymanie pliku `{name}`: {bytes}. Kto: {by}.",
    received_by_link: "Przez odnośnik nadszedł plik `{name}`: {bytes}. Czyj to odnośnik: {by}.",
    under_way: "zadanie `{task}` w toku",
    begun: "Rozpoczęto zadanie {title}. Kto: {by}.",
    quoted: "Plan: {minutes}, koniec {on}.",
    done: "zadanie `{task}` wykonane",
    done_says: "Wykonano zadanie {title}. Kto: {by}.",
    failed: "zadanie `{task}` NIE POWIODŁO SIĘ",
    failed_says: "Zadania {title} nie udało się wykonać. Kto to zgłasza: {by}. Co przy tym powiedziano: `greenroom record`.",
    failed_again: "Można je rozpocząć ponownie. Kto może: {names}.",
    who_waits: "Kto na nie czeka: {names}.",
    no_return: "To punkt bez powrotu.",
    handed_over: "zadanie `{task}` wykonuje teraz {to}",
    handed_over_says: "Przekazano zadanie {title}. Kto przekazuje: {by}. Kto wykonuje je dalej: {to}.",
    case: "przypadek testowy `{case}`: {outcome}",
    case_says: "Sprawdzono przypadek {title} na generacji {generation} pilota: {outcome}. Kto: {by}.",
    case_said_to_it: "Co przy tym powiedziano: `greenroom test-plan show`.",
    found: "do usunięcia: {finding} ({weight})",
    found_says: "Zgłoszono uwagę w audycie {title}: `{finding}`, {weight}. Kto: {by}.",
    not_mended_says: "Sprawdzono ponownie uwagę `{finding}`: nie jest usunięta. Kto: {by}.",
    mend_until: "Do usunięcia do dnia: {day}.",
    mend_then: "Czego dotyczy: `greenroom audit show {audit}`. Po usunięciu:",
    mended: "zgłoszono usunięcie, do sprawdzenia: {finding}",
    mended_says: "Zgłoszono usunięcie uwagi `{finding}` z audytu {title}. Kto: {by}.",
    mended_turn: "Czyja kolej, aby sprawdzić: {names}.",
    mended_then: "Co zrobiono: `greenroom audit show`. Jeśli nie jest usunięta, `greenroom audit reject` otwiera ją ponownie.",
    concluded: "audyt `{audit}`: {word}",
    concluded_says: "Zakończono audyt {title}: {word}. Kto: {by}.",
    concluded_open: Forms { one: "uwaga jest otwarta", few: "uwagi są otwarte", many: "uwag jest otwartych" },
    concluded_none_open: "Żadna uwaga nie jest otwarta.",
    concluded_anew: "Następna próba etapu {stage} zaczyna audyt od nowa.",
    your_turn: "Twoja kolej: {title}",
    ready: "Zadanie {title} można rozpocząć: wszystko przed nim jest wykonane.",
    ready_again: "Zadanie {title} można rozpocząć ponownie.",
    nobody_may: "Nikt nie może go wykonać: nikt nie ma roli `{role}`.",
    quoted_now: "Plan: {minutes}; przy rozpoczęciu teraz koniec {on}.",
    no_return_yet: "To punkt bez powrotu: od niego nic nie cofnie się samo.",
    instruction: "Co jest do zrobienia:",
    say_begin: "Proszę zgłosić rozpoczęcie:",
    date_off: "termin etapu `{stage}` odwołany",
    date_off_bad_end: "Etap {title} zakończono niepowodzeniem; jego termin ({date}) już nie obowiązuje.",
    date_off_withdrawn: "Odwołano termin etapu {title}: {date}. Innego nie uzgodniono. Kto: {by}.",
    date_agreed: "termin etapu `{stage}`: {date}",
    date_agreed_says: "Zapisano, że etap {title} ma się rozpocząć {on}. Kto: {by}.",
    date_moved: "nowy termin etapu `{stage}`: {date}",
    date_moved_says: "Zapisano, że etap {title} ma się rozpocząć {on}, a nie {on_before}. Kto: {by}.",
    calendar_says: "`greenroom stage` pokazuje bieżący stan.",
    near: "przypomnienie: termin etapu `{stage}`: {date}",
    near_says: "Etap {title} ma się rozpocząć {on}.",
    due: "przypomnienie: warunek `{gate}`, termin: {date}",
    due_says: "Warunek {title} musi być spełniony, zanim {on} rozpocznie się etap {stage}. Jeszcze nie jest (rodzaj: {kind}).",
    time_ends: "przypomnienie: czas na etap `{stage}` kończy się {on}",
    time_ends_says: "Etap {stage} trzeba rozpocząć do tego czasu, jak mówi warunek {title}: czas na to kończy się {on}.",
    late_stage: "po terminie: etap `{stage}` nierozpoczęty",
    late_stage_says: "Etap {title} miał się rozpocząć {on}, a nie został rozpoczęty.",
    late_stage_then: "Proszę go rozpocząć, uzgodnić inny termin albo odwołać ten:",
    late_task: "po terminie: zadanie `{task}` trwa dłużej niż plan",
    late_task_says: "Zadanie {title} rozpoczęto {on}. Kto: {by}. Plan: {minutes}, koniec: {date}.",
    wait_over: "koniec odczekania przed etapem `{stage}`",
    wait_over_says: "Odczekanie według warunku {title} skończyło się: {date}. Minął czas, który musi upłynąć przed etapem {stage}.",
    wait_over_free: "Nic go nie blokuje: `greenroom stage enter {stage}`.",
    head: "skrót zapisu",
    head_says: "Wraz z tą wiadomością przekazano skrót zapisu programu: numer i skrót jego ostatniego zdarzenia, który obejmuje wszystkie wcześniejsze.",
    head_keep: "Proszę przechować go tam, gdzie nie może pisać nikt, kto prowadzi program: kto go ma, może wykazać, czy zapis od tego czasu zmieniono.",
    head_check: "Porównanie zapisu z tym skrótem, po zachowaniu pliku:",
    head_signed: "Jest podpisany kluczem; porównanie pokaże czyim.",
    head_unsigned: "Nie jest podpisany, jak mówi process.toml: wykaże zmianę zapisu, ale nie to, kto za nim stoi.",
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Places that a language may leave out or need beside the other's: what is said in data instead of a sentence, a day with its preposition, a title instead of an id.
    const OPTIONAL: [&str; 8] = ["why", "kind", "title", "gate", "not_before", "on", "date", "names"];

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).filter(|p| !OPTIONAL.contains(p)).collect()
    }

    fn texts(words: &Words) -> BTreeMap<String, Vec<String>> {
        let serde_json::Value::Object(all) = serde_json::to_value(words).unwrap() else { panic!() };
        let list = |v: serde_json::Value| match v {
            serde_json::Value::String(one) => vec![one],
            serde_json::Value::Object(forms) => forms.into_iter().map(|(_, v)| v.as_str().unwrap().to_owned()).collect(),
            other => panic!("{other}"),
        };
        all.into_iter().map(|(key, v)| (key, list(v))).collect()
    }

    #[test]
    fn every_sentence_has_every_language_and_its_places() {
        let english = texts(&EN);
        for language in Language::ALL {
            assert_eq!(Words::of(language).language, language);
            let other = texts(Words::of(language));
            assert_eq!(english.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
            for (key, texts) in &other {
                let named = |all: &[String]| all.iter().flat_map(|t| places(t).into_iter().map(str::to_owned)).collect::<BTreeSet<_>>();
                assert_eq!(named(texts), named(&english[key]), "{key}");
                assert!(texts.iter().all(|t| t.matches('{').count() == t.matches('}').count()), "{key}");
                assert!(texts.iter().all(|t| !t.is_empty()) || (key == "open_not_before" && language == Language::En), "{key} is empty");
            }
        }
    }

    #[test]
    fn nothing_polish_is_left_in_english() {
        let (english, polish) = (texts(&EN), texts(&PL));
        for (key, texts) in &polish {
            assert!(texts != &english[key], "{key} is the same in both");
        }
    }

    #[test]
    fn more_of_something_is_said_in_the_right_number() {
        let said = |n| [EN.more(n), PL.more(n)];
        assert_eq!(said(1), [" (and 1 more)", " (i 1 inna sprawa)"]);
        assert_eq!(said(3), [" (and 3 more)", " (i 3 inne sprawy)"]);
        assert_eq!(said(12), [" (and 12 more)", " (i 12 innych spraw)"]);
        assert_eq!((PL.minutes(1), PL.minutes(15), PL.minutes(23)), ("1 minuta".into(), "15 minut".into(), "23 minuty".into()));
    }
}
