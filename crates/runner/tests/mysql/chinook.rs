//! Chinook as it is shipped for MySQL: customers and employees masked, every other table as it was.

use crate::scene::{open, rehearse};
use greenroom_runner::execute::Ended;
use greenroom_runner::ports::Silent;
use greenroom_testkit::files;
use std::path::Path;
use std::sync::Arc;

const DECISIONS: &str = r#"
[Customer]
FirstName = { mask = "first_name", identity = "CustomerId" }
LastName = { mask = "last_name", identity = "CustomerId" }
Company = "null"
Address = "null"
City = "null"
PostalCode = "null"
Phone = { mask = "phone", identity = "CustomerId" }
Fax = "null"
Email = { mask = "email", identity = "CustomerId" }
[Employee]
FirstName = { mask = "first_name", identity = "EmployeeId" }
LastName = { mask = "last_name", identity = "EmployeeId" }
BirthDate = "null"
Title = "null"
Address = "null"
City = "null"
PostalCode = "null"
Phone = { mask = "phone", identity = "EmployeeId" }
Fax = "null"
Email = { mask = "email", identity = "EmployeeId" }
[Invoice]
BillingAddress = "null"
BillingCity = "null"
BillingPostalCode = "null"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chinook_is_rehearsed_with_customers_and_employees_masked() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chinook/Chinook_MySql.sql");
    let chosen = std::env::var_os("GREENROOM_TEST_CHINOOK").map_or(script, Into::into);
    let Ok(text) = std::fs::read_to_string(&chosen) else {
        greenroom_testkit::skip!("no Chinook script; name its file in GREENROOM_TEST_CHINOOK");
    };
    let server = greenroom_testkit::mariadb!();
    server.maintenance().run(&text);
    let chinook = server.existing("Chinook");
    let folder = files::folder();
    let columns = chinook.query(
        "select table_name, column_name from information_schema.columns where table_schema = database() order by table_name, ordinal_position",
    );
    let mut toml = DECISIONS.to_owned();
    let mut table = String::new();
    for line in columns.lines() {
        let (of, column) = line.split_once('\t').unwrap();
        let masked = ["Customer", "Employee", "Invoice"].contains(&of);
        let section = DECISIONS.split(&format!("[{of}]\n")).nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        let decided = section.lines().any(|l| l.starts_with(&format!("{column} = ")));
        if masked && !decided {
            toml = toml.replace(&format!("[{of}]\n"), &format!("[{of}]\n{column} = \"keep\"\n"));
        } else if !masked {
            if table != of {
                toml.push_str(&format!("[{of}]\n"));
                table = of.to_owned();
            }
            toml.push_str(&format!("{column} = \"keep\"\n"));
        }
    }
    files::write(folder.path(), "columns.toml", &toml);
    files::write(
        folder.path(),
        "greenroom.toml",
        format!(
            "[program]\nname = \"chinook\"\n[source]\nengine = \"mysql\"\nhost = \"{}\"\ndatabase = \"Chinook\"\nuser = \"root\"\n[pilot]\nname = \"chinook_pilot\"\n\
             [verify]\naccepted = {{ \"Artist.Name\" = \"public persons\", \"Track.Composer\" = \"public persons\", \"Track.Name\" = \"titles\", \"Album.Title\" = \"titles\" }}\n",
            server.socket().display()
        ),
    );
    files::write(
        folder.path(),
        "upgrade/001.sql",
        "alter table Invoice add column Paid tinyint(1) not null default 0;\nupdate Invoice set Paid = Total > 10;\n",
    );
    let toml = toml.replace("[Invoice]\n", "[Invoice]\nPaid = { keep = true, after_upgrade = true }\n");
    files::write(folder.path(), "columns.toml", &toml);
    let session = open(folder.path(), Arc::new(Silent));
    let ended = rehearse(&session).await.1;
    assert_eq!(ended, Ended::Finished);
    let name = server.maintenance().query("select stands_for from greenroom.pilot_name where name = 'chinook_pilot'");
    let pilot = server.existing(&name);
    for query in [
        "select count(*) from Track",
        "select sum(UnitPrice * Quantity) from InvoiceLine",
        "select md5(group_concat(Name order by ArtistId)) from Artist",
    ] {
        assert_eq!(pilot.query(query), chinook.query(query), "{query}");
    }
    let emails = |d: &greenroom_testkit::maria::Database| d.query("select group_concat(Email order by CustomerId) from Customer");
    assert_ne!(emails(&pilot), emails(&chinook));
    assert_eq!(pilot.query("select count(*) from Customer where Email like '%.invalid'"), "59");
    assert_eq!(pilot.query("select count(*) from Invoice i join Customer c using (CustomerId)"), "412");
    assert!(pilot.query("select count(*) from Invoice where Paid") != "0");
}
