//! Scripts of SQL Server split into batches as sqlcmd does it.

use super::split;
use crate::upgrade::SplitError;
use proptest::prelude::*;

fn parts(text: &str) -> Vec<(String, u32)> {
    split(text).unwrap().into_iter().map(|s| (s.sql, s.line)).collect()
}

fn texts(text: &str) -> Vec<String> {
    split(text).unwrap().into_iter().map(|s| s.sql).collect()
}

fn refused(text: &str) -> SplitError {
    split(text).unwrap_err()
}

/// As SSMS writes it: "Generate Scripts" with "Check for object existence".
const SSMS: &str = "/****** Object:  StoredProcedure [dbo].[GetClient]    Script Date: 3/1/2024 10:00:00 AM ******/\r
SET ANSI_NULLS ON\r
GO\r
SET QUOTED_IDENTIFIER ON\r
GO\r
IF NOT EXISTS (SELECT * FROM sys.objects WHERE object_id = OBJECT_ID(N'[dbo].[GetClient]') AND type in (N'P', N'PC'))\r
BEGIN\r
EXEC dbo.sp_executesql @statement = N'CREATE PROCEDURE [dbo].[GetClient] AS' \r
END\r
GO\r
-- =============================================\r
-- Author: vendor; it's old, GO\r
-- =============================================\r
ALTER PROCEDURE [dbo].[GetClient]\r
\t@Id int = NULL /* the
GO\r
 /* nested */
go */\r
AS\r
BEGIN\r
  PRINT 'a
GO
b'\r
  SELECT [Go
GO
]]x] = 1 FROM [dbo].[Client] -- GO\r
END\r
\r
GO -- done\r
INSERT [dbo].[Log] ([Text]) VALUES (N'it''s
GO
$1')\r
  go  3\r
PRINT 'end'\r
";

#[test]
fn a_script_of_ssms_is_cut_at_its_own_go_only() {
    let got = parts(SSMS);
    let lines: Vec<u32> = got.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines, [2, 4, 6, 11, 30, 30, 30, 34]);
    assert_eq!(got[0].0, "SET ANSI_NULLS ON");
    assert!(got[2].0.starts_with("IF NOT EXISTS") && got[2].0.ends_with("END"), "{}", got[2].0);
    assert!(got[3].0.starts_with("-- ====") && got[3].0.ends_with("END"), "the server stores the comment with the procedure: {}", got[3].0);
    assert_eq!(got[4], got[5]);
    assert!(got[6].0.ends_with("$1')"));
    assert_eq!(got[7].0, "PRINT 'end'");
}

#[test]
fn go_counts_on_its_own_line_only() {
    assert_eq!(texts("select 1\ngo\n\nGo\n go --x\nselect 2 /* c */\nGO/* c */"), ["select 1", "select 2"]);
    assert_eq!(texts("select 1 as go\nselect 2 go\n"), ["select 1 as go\nselect 2 go"]);
    assert_eq!(texts("select 1 as\ngo, 2"), ["select 1 as\ngo, 2"]);
    assert_eq!(texts("select \"a\nGO\n\""), ["select \"a\nGO\n\""]);
    assert_eq!(texts("select 1\nGO 2\n").len(), 2);
    for (text, line) in
        [("select 1\nGO;", 2), ("select 1\n\nGO select 2", 3), ("GO 0", 1), ("x\nGO -1", 2), ("x\nGO 99999999", 2), ("x\n/* y */ GO", 2)]
    {
        assert_eq!(refused(text).line, line, "{text}");
    }
}

#[test]
fn variables_are_filled_in_everywhere_but_in_comments() {
    let text = ":setvar DatabaseName \"Product Db\"\n:setvar Schema dbo\n:SETVAR Table Client_$(Schema)\n\
                -- $(Nothing)\nselect N'$(databasename)', [$(Schema)].[$(Table)] /* $(Nothing) */ from x_$(Schema)_y\n";
    assert_eq!(parts(text), [("select N'Product Db', [dbo].[Client_dbo] /* $(Nothing) */ from x_dbo_y".to_owned(), 5)]);
    assert_eq!(texts(":setvar Q \"say \"\"hi\"\"\"\nprint '$(Q)'"), ["print 'say \"hi\"'"]);
    assert_eq!(texts("print '$(''#id'').show() $( x) $()'"), ["print '$(''#id'').show() $( x) $()'"], "no name of a variable");
}

#[test]
fn a_variable_without_value_is_refused_with_its_line() {
    for (text, line) in [
        ("select 1\nselect '$(document).ready'", 2),
        (":setvar a \"1\"\n:setvar a\nprint '$(a)'", 3),
        (":setvar a $(b)\n", 1),
        ("\n:setvar\n", 2),
        (":setvar a b c", 1),
        (":setvar a \"b", 1),
        (":setvar a.b \"b\"", 1),
        (":setvar a 1\nprint '$(a)'\n:setvar a 2\nprint '$(a)'", 3),
    ] {
        let error = refused(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(!error.hint.is_empty());
    }
    assert_eq!(texts(":setvar a 1\nprint '$(a)'\nGO\n:setvar a 2\nprint '$(a)'"), ["print '1'", "print '2'"]);
}

/// As the deployment scripts of SQL Server Data Tools begin.
const SSDT: &str = "/*\nDeployment script for ProductDb\n*/\n\nGO\nSET ANSI_NULLS, ANSI_PADDING ON;\n\nGO\n:setvar DatabaseName \"ProductDb\"\n\
:setvar DefaultDataPath \"C:\\Data\\\"\n\nGO\n:on error exit\nGO\n/*\nDetect SQLCMD mode\n*/\n:setvar __IsSqlCmdEnabled \"True\"\nGO\n\
IF N'$(__IsSqlCmdEnabled)' NOT LIKE N'True'\n    BEGIN\n        PRINT N'SQLCMD mode must be enabled.';\n        SET NOEXEC ON;\n    END\n\n\nGO\n\
USE [$(DatabaseName)];\n\n\nGO\nPRINT N'Altering [dbo].[Client]...';\n\n\nGO\nALTER TABLE [dbo].[Client]\n    ADD [Note] NVARCHAR (MAX) NULL;\n\n\nGO\n";

#[test]
fn a_deployment_script_keeps_lines_behind_its_commands() {
    assert_eq!(
        parts(SSDT).into_iter().map(|(sql, line)| (sql.lines().next().unwrap_or("").to_owned(), line)).collect::<Vec<_>>(),
        [
            ("SET ANSI_NULLS, ANSI_PADDING ON;".to_owned(), 6),
            ("IF N'True' NOT LIKE N'True'".to_owned(), 20),
            ("USE [ProductDb];".to_owned(), 28),
            ("PRINT N'Altering [dbo].[Client]...';".to_owned(), 32),
            ("ALTER TABLE [dbo].[Client]".to_owned(), 36),
        ]
    );
}

#[test]
fn commands_inside_a_batch_leave_an_empty_line() {
    assert_eq!(parts("select 1\n:list\n:xml off\nselect 2"), [("select 1\n\n\nselect 2".to_owned(), 1)]);
    assert_eq!(texts("select ':r x'\nselect hierarchyid\n::GetRoot()"), ["select ':r x'\nselect hierarchyid\n::GetRoot()"]);
    assert_eq!(texts(":out stdout\n:error STDERR\nselect 1"), ["select 1"]);
}

#[test]
fn commands_that_reach_out_are_refused_with_their_line() {
    for command in [
        ":r other.sql",
        ":r $(path)\\x.sql",
        ":!!dir",
        "!!dir",
        ":connect server",
        ":CONNECT server",
        ":out file.txt",
        ":error file.txt",
        ":perftrace x",
        ":quit",
        ":exit(select 1)",
        ":reset",
        ":ed",
        ":on error ignore",
        ":on error",
        ":nonsense",
        ":",
    ] {
        let error = refused(&format!("select 1\n\n  {command}\nselect 2"));
        assert_eq!(error.line, 3, "{command}");
        assert!(!error.hint.is_empty());
    }
    for command in ["QUIT", " exit ", "reset", "EXIT(select 1)", "ed"] {
        assert_eq!(refused(&format!("select 1\nGO\n{command}\n")).line, 3, "{command}");
    }
    assert_eq!(texts("select\nexit\nfrom t").len(), 1, "inside a batch it may be a name");
}

#[test]
fn what_is_never_closed_is_reported_where_it_opened() {
    for (text, line) in [("select 1\nGO\n'a\nGO\n", 3), ("/* /* */\nGO", 1), ("\n[a]]", 2), ("N'it''s", 1), ("\"a", 1)] {
        assert_eq!(refused(text).line, line, "{text}");
    }
    assert_eq!(texts("select 'a\\'\nGO\nselect 'b'").len(), 2, "a backslash escapes nothing");
}

#[test]
fn a_long_line_is_read_in_time_linear_in_its_length() {
    let text = format!("insert t values {}(1)\nGO", "(1, N'x', [y]), ".repeat(100_000));
    assert_eq!(texts(&text).len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_split_or_refused(text in "(GO|go 2|:setvar a b|:r|\\$\\(a\\)|'|\"|\\[|\\]|/\\*|\\*/|--|\n|\r\n| |x|\\PC){0,40}") {
        if let Ok(statements) = split(&text) {
            for s in statements {
                prop_assert!(usize::try_from(s.line).unwrap() <= text.split('\n').count());
                prop_assert!(!s.sql.trim().is_empty());
            }
        }
    }
}
