//! Days as sentences name them.

use super::Language;
use jiff::Zoned;
use jiff::civil::Date;

/// Polish days of the week, Monday first.
const DAYS_PL: [&str; 7] = ["poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela"];

/// On which of them, with the preposition that it takes.
const ON_PL: [&str; 7] = ["w poniedziałek", "we wtorek", "w środę", "w czwartek", "w piątek", "w sobotę", "w niedzielę"];

/// Polish months in the genitive: `9 lutego`.
const MONTHS_PL: [&str; 12] =
    ["stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"];

fn of<'l>(list: &[&'l str], number: i8) -> &'l str {
    usize::try_from(number).ok().and_then(|n| list.get(n)).copied().unwrap_or_default()
}

/// `9 lutego 2037`.
fn day_pl(day: Date) -> String {
    format!("{} {} {}", day.day(), of(&MONTHS_PL, day.month() - 1), day.year())
}

pub(super) fn day(language: Language, day: Date) -> String {
    match language {
        Language::En => day.to_string(),
        Language::Pl => day_pl(day),
    }
}

fn weekday(at: &Zoned) -> i8 {
    at.weekday().to_monday_zero_offset()
}

pub(super) fn date(language: Language, at: &Zoned) -> String {
    match language {
        Language::En => at.strftime("%a %Y-%m-%d %H:%M").to_string(),
        Language::Pl => format!("{}, {}, {}", of(&DAYS_PL, weekday(at)), day_pl(at.date()), at.strftime("%H:%M")),
    }
}

pub(super) fn on(language: Language, at: &Zoned) -> String {
    match language {
        Language::En => format!("on {}", date(language, at)),
        Language::Pl => format!("{} {} o {}", of(&ON_PL, weekday(at)), day_pl(at.date()), at.strftime("%H:%M")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_day_and_month_has_its_form() {
        let at = |year, month, day| date(year, month, day).at(18, 5, 0, 0).in_tz("Europe/Warsaw").unwrap();
        let on = |month, day| Language::Pl.on(&at(2037, month, day));
        assert_eq!(on(2, 9), "w poniedziałek 9 lutego 2037 o 18:05");
        assert_eq!(on(2, 10), "we wtorek 10 lutego 2037 o 18:05");
        assert_eq!(on(2, 11), "w środę 11 lutego 2037 o 18:05");
        assert_eq!(on(2, 12), "w czwartek 12 lutego 2037 o 18:05");
        assert_eq!(on(2, 13), "w piątek 13 lutego 2037 o 18:05");
        assert_eq!(on(2, 14), "w sobotę 14 lutego 2037 o 18:05");
        assert_eq!(on(2, 15), "w niedzielę 15 lutego 2037 o 18:05");
        assert_eq!(Language::Pl.date(&at(2037, 10, 1)), "czwartek, 1 października 2037, 18:05");
        assert_eq!(Language::En.date(&at(2037, 10, 1)), "Thu 2037-10-01 18:05");
        let months: Vec<String> = (1..=12).map(|m| day_pl(date(2037, m, 3))).collect();
        assert_eq!(months[0], "3 stycznia 2037");
        assert_eq!(months[11], "3 grudnia 2037");
        assert!(MONTHS_PL.iter().all(|m| m.ends_with('a') || m.ends_with("ego")));
    }
}
