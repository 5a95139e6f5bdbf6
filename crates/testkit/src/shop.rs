//! A small shop as a source: employees who report to each other, customers with personal data in several scripts, invoices with lines. The
//! same rows in SQLite and PostgreSQL, the same in every run, all made up. Owns data and schema; does not know decisions or masks.

use crate::pg::Database;
use std::fmt::Write as _;
use std::path::Path;

const FIRST: &[&str] = &[
    "Zoë",
    "Łukasz",
    "Søren",
    "Amélie",
    "Jürgen",
    "Nǐng",
    "Oğuz",
    "Þóra",
    "Mirosław",
    "Chloé",
    "D'Arcy",
    "Иван",
    "Ελένη",
    "美咲",
    "أمل",
    "Marie-Luise",
];
const LAST: &[&str] = &[
    "Quendt",
    "O'Brannick",
    "Ørskov-Thiel",
    "Żebrowska",
    "Çelikbaş",
    "Van der Wyngaard",
    "Šimkevič",
    "Nuñezárraga",
    "Петровская",
    "Παπαγιάννη",
    "佐々木原",
    "Großmannseder",
    "Íñiguezola",
];
const STREET: &[&str] = &["Ölmühlweg", "Rue de l'Étang Noir", "Plaça dels Tres Ànecs", "Wierzbowa Górna", "Kirkegårdsstien"];
const CITY: &[&str] = &["Hinterzarten", "Ålborgsund", "Łódzkowo", "Saint-Étourneau", "Peñaflorida"];

const SCHEMA: &str = "\
create table employee (
  id integer primary key, last_name varchar(40) not null, first_name varchar(40) not null, title varchar(30),
  reports_to integer references employee (id), birth_date date, email varchar(80) not null unique
);
create table customer (
  id integer primary key, first_name varchar(40) not null, last_name varchar(40) not null, company varchar(80),
  address varchar(80), city varchar(40), country char(2), phone varchar(24), email varchar(80) not null unique,
  support_rep_id integer references employee (id)
);
create table invoice (
  id integer primary key, customer_id integer not null references customer (id), issued date not null,
  billing_address varchar(80), total numeric(10,2) not null check (total >= 0)
);
create index invoice_customer on invoice (customer_id);
create table invoice_line (
  invoice_id integer not null references invoice (id), line integer not null, \"order\" varchar(40) not null,
  unit_price numeric(10,2) not null, quantity integer not null, primary key (invoice_id, line)
);
";

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// Employees; the first reports to nobody, the others to one before them.
    pub employees: u32,
    /// Customers.
    pub customers: u32,
    /// Invoices, spread over the customers, each with one to three lines.
    pub invoices: u32,
}

impl Default for Shop {
    fn default() -> Shop {
        Shop { employees: 9, customers: 200, invoices: 600 }
    }
}

/// The personal data of one customer or employee.
struct Person {
    first: &'static str,
    last: String,
    street: String,
    phone: String,
    email: String,
}

impl Shop {
    /// Schema and rows as one script that SQLite and PostgreSQL both take.
    pub fn sql(&self) -> String {
        let mut out = format!("{SCHEMA}begin;\n");
        for i in 1..=self.employees {
            let p = person("employee", i);
            let boss = if i == 1 { "null".to_owned() } else { (i / 2).to_string() };
            let (last, first, email) = (quoted(&p.last), quoted(p.first), quoted(&p.email));
            line(
                &mut out,
                format_args!(
                    "insert into employee values ({i}, {last}, {first}, 'Clerk', {boss}, '19{:02}-0{}-1{}', {email});",
                    50 + i % 50,
                    1 + i % 9,
                    i % 10
                ),
            );
        }
        for i in 1..=self.customers {
            self.customer(&mut out, i);
        }
        for i in 1..=self.invoices {
            self.invoice(&mut out, i, 1 + (i - 1) % self.customers.max(1));
        }
        out + "commit;\n"
    }

    /// Makes the shop as a new SQLite file.
    pub fn sqlite(&self, path: &Path) {
        let made = rusqlite::Connection::open(path).and_then(|c| c.execute_batch(&self.sql()));
        made.unwrap_or_else(|e| panic!("make the shop in {}: {e}", path.display()));
    }

    /// Makes the shop in an empty PostgreSQL database.
    pub fn postgres(&self, database: &Database) {
        database.run(&self.sql());
    }

    /// The personal data planted in it: last names, streets, phone numbers and mail addresses, each different from all others. No trace of
    /// any may be found where customers, employees and the billing addresses of invoices, which repeat the streets, are masked. (First names repeat and are also in masks' lists; they prove nothing.)
    pub fn secrets(&self) -> Vec<String> {
        let customers = (1..=self.customers).map(|i| person("customer", i));
        let employees = (1..=self.employees).map(|i| person("employee", i));
        // Employees have neither street nor phone in the schema.
        let of_employees = employees.flat_map(|p| [p.last, p.email]);
        customers.flat_map(|p| [p.last, p.street, p.phone, p.email]).chain(of_employees).collect()
    }

    /// The `n`-th transaction of a shop at work, for a [`writer`](crate::writer): a new customer with an invoice, and changes to old ones.
    pub fn work(&self, n: u64) -> String {
        let n = u32::try_from(n).unwrap_or(u32::MAX / 2);
        let (customer, invoice) = (self.customers + n + 1, self.invoices + n + 1);
        let mut out = String::from("begin;\n");
        self.customer(&mut out, customer);
        self.invoice(&mut out, invoice, customer);
        let old = 1 + n % self.customers.max(1);
        line(&mut out, format_args!("update customer set phone = '+1 555 {n:07}' where id = {old};"));
        line(&mut out, format_args!("delete from invoice_line where invoice_id = {} and line > 1;", 1 + n % self.invoices.max(1)));
        out + "commit;\n"
    }

    fn customer(&self, out: &mut String, i: u32) {
        let p = person("customer", i);
        let company = if i.is_multiple_of(4) { quoted(&format!("{} & Töchter", LAST[pick(i, 5, LAST.len())])) } else { "null".to_owned() };
        let values = [&p.first.to_owned(), &p.last].map(|v| quoted(v)).join(", ");
        let rest =
            [&p.street, &CITY[pick(i, 1, CITY.len())].to_owned(), &"DE".to_owned(), &p.phone, &p.email].map(|v| quoted(v)).join(", ");
        line(out, format_args!("insert into customer values ({i}, {values}, {company}, {rest}, {});", 1 + i % self.employees.max(1)));
    }

    fn invoice(&self, out: &mut String, i: u32, customer: u32) {
        let street = quoted(&person("customer", customer).street);
        let lines = 1 + i % 3;
        line(
            out,
            format_args!(
                "insert into invoice values ({i}, {customer}, '20{:02}-{:02}-{:02}', {street}, {}.9{lines});",
                10 + i % 15,
                1 + i % 12,
                1 + i % 28,
                i % 90
            ),
        );
        for l in 1..=lines {
            line(out, format_args!("insert into invoice_line values ({i}, {l}, 'Blätterteig №{}', {}.49, {l});", i % 40, 1 + i % 9));
        }
    }
}

/// Every field holds the number, so that all are different and none is found by chance.
fn person(kind: &str, i: u32) -> Person {
    let salt = if kind == "customer" { 0 } else { 7 };
    let k = i + salt * 1_000_000;
    Person {
        first: FIRST[pick(i, salt, FIRST.len())],
        last: format!("{} {}", LAST[pick(i, salt + 3, LAST.len())], syllables(k)),
        // Five digits, so that no street begins with another.
        street: format!("{} {}", STREET[pick(i, 2, STREET.len())], 10_000 + k),
        phone: format!("+49 77{salt} {i:07}"),
        email: format!("{}.{i}@{kind}s.quelle-{salt}.net", syllables(k)),
    }
}

/// A number as a word that names can end in.
fn syllables(mut k: u32) -> String {
    const S: [&str; 16] = ["ba", "ke", "di", "lo", "mu", "ra", "se", "ti", "vo", "nu", "fa", "ge", "hi", "jo", "pu", "za"];
    let mut word = String::from("Q");
    for _ in 0..6 {
        word.push_str(S[pick(k, 0, S.len())]);
        k /= 16;
    }
    word
}

fn pick(i: u32, salt: u32, of: usize) -> usize {
    usize::try_from(i + salt).unwrap_or(0) % of
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{find_bytes, folder};
    use std::collections::BTreeSet;

    #[test]
    fn every_secret_is_different_and_in_the_file() {
        let (shop, folder) = (Shop::default(), folder());
        shop.sqlite(&folder.path().join("shop.db"));
        let secrets = shop.secrets();
        let distinct: BTreeSet<&String> = secrets.iter().collect();
        assert_eq!(distinct.len(), secrets.len());
        let found: BTreeSet<String> = find_bytes(folder.path(), &secrets).into_iter().map(|h| h.needle).collect();
        assert_eq!(found.len(), secrets.len());
    }

    #[test]
    fn both_engines_take_the_same_rows() {
        let database = crate::postgres!().database("shop");
        let (shop, folder) = (Shop::default(), folder());
        let file = folder.path().join("shop.db");
        shop.sqlite(&file);
        shop.postgres(&database);
        let sqlite = rusqlite::Connection::open(file).unwrap();
        for query in
            ["select count(*) from invoice_line", "select email from customer where id = 77", "select last_name from employee where id = 9"]
        {
            let here: String = sqlite
                .query_row(query, [], |r| {
                    Ok(r.get_ref(0)?.as_str().map_or_else(|_| r.get::<_, i64>(0).unwrap().to_string(), str::to_owned))
                })
                .unwrap();
            assert_eq!(database.query(query), here, "{query}");
        }
    }
}
