//! The closing summary: how many tests passed, failed and skipped, and every skip with its reason. Reads the closing lines of nextest and
//! cargo test; does not decide about success, which exit codes do.

use std::collections::BTreeSet;
use std::fmt;

/// Counts over all test programs of a run.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    /// `#[ignore]`d tests, which run only on request.
    ignored: usize,
    /// Test and reason.
    skipped: BTreeSet<(String, String)>,
}

impl Tally {
    /// Takes in a line of a test program's output.
    pub fn line(&mut self, line: &str) {
        // Further in it stands in what a failed test printed, and is in the summary already.
        if let Some(result) = line.strip_prefix("test result:") {
            self.passed += number_before(result, "passed");
            self.failed += number_before(result, "failed");
            self.ignored += number_before(result, "ignored");
        } else if let Some(result) = line.trim().strip_prefix("Summary [") {
            self.passed += number_before(result, "passed");
            self.failed += number_before(result, "failed") + number_before(result, "timed out");
            self.ignored += number_before(result, "skipped");
        }
    }

    /// Takes in the file that skipping tests wrote: test, tab, reason.
    pub fn skips(&mut self, log: &str) {
        self.skipped
            .extend(log.lines().map(|l| l.split_once('\t').unwrap_or((l, ""))).map(|(test, why)| (test.to_owned(), why.to_owned())));
    }

    /// No test at all.
    pub fn is_empty(&self) -> bool {
        self.passed + self.failed == 0
    }
}

/// The number in `…, 12 passed (3 slow), …` before the word.
fn number_before(text: &str, word: &str) -> usize {
    let found = text.split([',', ';', ':', '.', '(']).find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok());
    found.unwrap_or(0)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tests: BTreeSet<&String> = self.skipped.iter().map(|(test, _)| test).collect();
        if !self.skipped.is_empty() {
            writeln!(f, "\nSKIPPED, and so not tested here:")?;
            self.skipped.iter().try_for_each(|(test, why)| writeln!(f, "  {test}: {why}"))?;
        }
        // To a test runner a test that skips itself has passed.
        let passed = self.passed.saturating_sub(tests.len());
        writeln!(f, "\n{passed} passed, {} failed, {} skipped, {} left out", self.failed, tests.len(), self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_added_up_and_skips_are_not_passed() {
        let mut tally = Tally::default();
        tally.line("     Summary [   6.723s] 13/16 tests run: 12 passed (1 slow), 1 failed, 2 skipped");
        tally.line("     Summary [   0.5s] 2 tests run: 1 passed, 1 timed out, 0 skipped");
        tally.line("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.line("test passed_is_no_summary ... ok");
        tally.line("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 28 filtered out; finished in 5.25s");
        tally.skips("pg::a\tno server\npg::a\tno server\npg::b\tno server\n");
        let shown = tally.to_string();
        assert!(shown.ends_with("\n14 passed, 2 failed, 2 skipped, 3 left out\n"), "{shown}");
        assert!(shown.contains("  pg::a: no server\n"), "{shown}");
        assert!(Tally::default().is_empty() && !tally.is_empty());
    }
}
