//! Made-up people: names in several scripts, mail addresses at reserved domains, telephone numbers, places. None of the names is in the
//! masks' own word lists, so that a raw name can be told from a pseudonym by a search for its bytes.

use super::draw::Draw;

const FIRST: &[&str] = &[
    "Żaneta",
    "Thandiwe",
    "Björgvin",
    "Siobhán",
    "Oyunbileg",
    "Ayşegül",
    "Oksana",
    "Łucja",
    "Zeynep",
    "Mbali",
    "Xiomara",
    "Priyanka",
    "Ngozi",
    "Þórdís",
    "Dagný",
    "Ewelina",
    "Chidubem",
    "Halszka",
    "Ifeoma",
    "Jolanta",
    "Kwabena",
    "Ljiljana",
    "Mieczysław",
    "Nguyệt",
    "Rukhsana",
    "Sakura",
    "Tadeusz",
    "Ujjwal",
    "Vytautas",
    "Wacław",
    "Ekaterini",
    "Yevheniia",
    "Zdeněk",
    "Bronisława",
    "Cătălina",
    "Dobromir",
    "Eilidh",
    "Gvantsa",
    "Hjördís",
    "Ibolya",
    "Keoni",
    "Laszlo-Béla",
    "Mădălina",
    "Niamh",
    "Oddvar",
    "Radosława",
    "Szczepan",
    "Tuğba",
];

const STEM: &[&str] = &[
    "Brzozo",
    "Chmielo",
    "Dombro",
    "Gołębi",
    "Jagiełł",
    "Kwiatko",
    "Lewando",
    "Maciejo",
    "Niedźwi",
    "Okonkw",
    "Papado",
    "Rutkaus",
    "Starodub",
    "Tchórze",
    "Ujváros",
    "Wasilje",
    "Yıldırı",
    "Zaharia",
    "Æthelst",
    "Čermáko",
    "Đurđevi",
    "Hovhanni",
    "Iwaszki",
    "Šimonaus",
    "Örnólfu",
    "Mwangira",
    "Ntuthuko",
    "Pereyas",
    "Quispehu",
    "Rangihuna",
];

const END: &[&str] = &[
    "wicz", "wska", "wski", "enko", "oğlu", "ides", "kaitė", "czuk", "vić", "sdóttir", "nyi", "mba", "şvili", "poulou", "nen-Holt", "yan",
    "ová", "dze", "sson", "ani",
];

/// Whole names that no rule makes.
const RARE: &[(&str, &str)] = &[
    ("Ελένη", "Παπαδημητρίου"),
    ("Олександра", "Шевчишина"),
    ("فاطمة", "البغدادي"),
    ("伟明", "欧阳"),
    ("D'Arcy", "O’Shaughnessy-Ng"),
    ("José María", "de la Peña y Quiroga"),
    ("Zo\u{65}\u{301}", "Van Der Äänekoski"),
    ("Null", "Nullowska"),
];

const STREET: &[&str] = &[
    "Przybyszewskiego",
    "Czarnieckiego",
    "Kurfürstendammweg",
    "Blackfriars Mews",
    "Plac Wolności",
    "Sankt-Georgs-Gasse",
    "Calle Desengaño",
    "Rua das Janelas",
    "Tverskaya",
    "Hrvatske Bratske",
];

const CITY: &[(&str, &str)] = &[
    ("61-701", "Wielkopole"),
    ("02-495", "Ursynowice"),
    ("10117", "Neu-Spreewerder"),
    ("80331", "Altmünchen"),
    ("EC2 4AA", "Thamesbury"),
    ("31-019", "Nowa Krakówka"),
];

const DOMAIN: &[&str] = &["post.example", "mail.example", "home.example", "poczta.example", "uni.example"];

/// Somebody.
pub(super) struct Person {
    pub first: String,
    pub last: String,
    pub email: String,
    pub phone: String,
}

impl Person {
    /// Makes a person up; `id` keeps the mail address their own.
    pub fn new(draw: &mut Draw, id: i64) -> Person {
        let (first, last) = if draw.below(400) == 0 {
            let (first, last) = draw.pick(RARE);
            ((*first).to_owned(), (*last).to_owned())
        } else {
            let first = (*draw.pick(FIRST)).to_owned();
            (first, format!("{}{}", draw.pick(STEM), draw.pick(END)))
        };
        let email = format!("{}.{}{id}@{}", plain(&first), plain(&last), draw.pick(DOMAIN));
        Person { email, phone: phone(draw), first, last }
    }
}

/// A telephone number as people write them, in three countries.
pub(super) fn phone(draw: &mut Draw) -> String {
    let mut part = |low, high| draw.between(low, high);
    match part(0, 3) {
        0 | 1 => format!("+48 6{:02} {:03} {:03}", part(0, 99), part(0, 999), part(0, 999)),
        2 => format!("+49 30 {:07}", part(2_000_000, 9_999_999)),
        _ => format!("+44 79{:02} 1{:05}", part(11, 99), part(0, 99_999)),
    }
}

/// Street with number, postcode, city.
pub(super) fn address(draw: &mut Draw) -> (String, &'static str, &'static str) {
    let street = format!("{} {}", draw.pick(STREET), draw.between(1, 199));
    let (postcode, city) = draw.pick(CITY);
    (street, postcode, city)
}

/// The letters of a name that a mail address takes.
fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'ł' => Some('l'),
        'ż' | 'ź' | 'ž' => Some('z'),
        'ó' | 'ö' | 'ø' => Some('o'),
        'ş' | 'ś' | 'š' => Some('s'),
        'ü' | 'ú' => Some('u'),
        'á' | 'ä' | 'ă' | 'ą' => Some('a'),
        'é' | 'ě' | 'ė' | 'ę' => Some('e'),
        'í' | 'ı' | 'ý' => Some('i'),
        c if c.is_ascii_alphabetic() => Some(c),
        _ => None,
    };
    let text: String = name.to_lowercase().chars().filter_map(letter).collect();
    if text.is_empty() { "klient".to_owned() } else { text }
}
