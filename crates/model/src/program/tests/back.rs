//! Series of document numbers, and inverses.

use super::{SMALL, good, layer, render};
use crate::program::parse;

fn of(text: &str) -> String {
    format!("{SMALL}{text}")
}

#[test]
fn a_series_stands_where_it_did_unless_said_otherwise() {
    let text = of(
        "[[numbers]]\nname = \"invoices\"\ntable = \"main.invoice\"\ncolumn = \"number\"\nprefix = \"R\"\nafter = { table = \"document\" }\n\
        [[numbers]]\ntable = \"receipt\"\ncolumn = \"no\"\ngroup = \"branch\"\n",
    );
    let program = good(&[layer("program", &[("greenroom.toml", &text)])]);
    let (invoices, receipts) = (&program.numbers[0], &program.numbers[1]);
    assert_eq!((invoices.before.table.as_str(), invoices.after.table.as_str()), ("invoice", "document"));
    assert_eq!((invoices.after.column.as_str(), invoices.after.prefix.as_str()), ("number", "R"));
    assert_eq!((receipts.name.as_str(), &receipts.before), ("receipt.no", &receipts.after));
}

#[test]
fn an_inverse_goes_by_the_tables_own_key_unless_said_otherwise_and_a_later_layer_replaces_it() {
    let kit = "[[rollback.inverse]]\ntable = \"client\"\nselect = \"select 1 as id;\"\n[[rollback.inverse]]\ntable = \"visit\"\nselect = \"select 2\"\nwhole = true\n";
    let own = of("[[rollback.inverse]]\ntable = \"client\"\nselect = \"select 3\"\ntouched_by = [\"person\"]\n");
    let program = good(&[layer("kit", &[("greenroom.toml", kit)]), layer("program", &[("greenroom.toml", &own)])]);
    let all: Vec<_> = program.inverses.iter().map(|i| (i.table.as_str(), i.select.as_str(), i.touched_by.join(","))).collect();
    assert_eq!(all, [("visit", "select 2", String::new()), ("client", "select 3", "person".to_owned())]);
    let alone = good(&[layer("kit", &[("greenroom.toml", kit)]), layer("program", &[("greenroom.toml", SMALL)])]);
    assert_eq!((alone.inverses[0].select.as_str(), alone.inverses[0].touched_by.join(",")), ("select 1 as id", "client".to_owned()));
}

#[test]
fn what_is_missing_or_means_nothing_is_told() {
    let text = of("[[numbers]]\ntable = \"invoice\"\n[[numbers]]\ntable = \"a\"\ncolumn = \"n\"\ngroup = \"g\"\nnext = \"select 1\"\n\
        [[numbers]]\ntable = \"a\"\ncolumn = \"n\"\n[[rollback.inverse]]\ntable = \"client\"\n\
        [[rollback.inverse]]\ntable = \"visit\"\nselect = \"select 1\"\nwhole = true\ntouched_by = [\"x\"]\n");
    let layers = [layer("program", &[("greenroom.toml", &text)])];
    let (program, findings) = parse(&layers);
    assert!(program.is_none());
    let shown = render(&layers, &findings);
    for expected in [
        "a series of numbers lacks `table` or `column`",
        "`next` means nothing where `group`",
        "two series of numbers are called `a.n`",
        "an inverse lacks `table` or `select`",
        "`touched_by` means nothing where `whole`",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}
