//! What the words of a statement tell about its end: bodies of routines and triggers hold semicolons of their own.

use super::Reader;

impl Reader {
    /// A word ended.
    pub(super) fn take_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        if self.postgres && self.parentheses == 0 && self.makes_routine() {
            match self.word.as_str() {
                "BEGIN" => self.body += 1,
                "CASE" if self.body > 0 => self.body += 1,
                "END" => self.body = self.body.saturating_sub(1),
                _ => {}
            }
        }
        // `e` stands for the word END, which no symbol is.
        self.tail = [self.tail[1], if self.word == "END" { b'e' } else { b'w' }];
        if self.first.len() < 6 {
            self.first.push(self.word.clone());
        }
        self.word.clear();
    }

    pub(super) fn is_first(&self, at: usize, word: &str) -> bool {
        self.first.get(at).is_some_and(|w| w == word)
    }

    pub(super) fn makes_routine(&self) -> bool {
        let at = if self.is_first(1, "OR") { 3 } else { 1 };
        self.is_first(0, "CREATE") && (self.is_first(at, "FUNCTION") || self.is_first(at, "PROCEDURE"))
    }

    /// Whether the `;` here ends the statement.
    pub(super) fn ends_here(&self) -> bool {
        if self.postgres {
            return self.parentheses == 0 && self.body == 0;
        }
        let at = if self.is_first(1, "TEMP") || self.is_first(1, "TEMPORARY") { 2 } else { 1 };
        let trigger = self.is_first(0, "CREATE") && self.is_first(at, "TRIGGER");
        !trigger || self.tail == [b';', b'e']
    }
}
