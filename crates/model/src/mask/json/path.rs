//! Paths into JSON documents: `$.a.b`, `$.items[*].name`, `$.items[0]`, `$['odd key']`, `$.*`, `$..email` (at any depth).

/// One part of a path.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Name(String),
    Index(usize),
    AnyName,
    AnyIndex,
    /// Any number of parts, none included.
    Deep,
}

/// A path as written in a program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path(Vec<Part>);

/// One step of the way to a value.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    /// Reads a path; `None` if it is not understood.
    pub(super) fn parse(text: &str) -> Option<Path> {
        let mut rest = text.strip_prefix('$')?;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("['") {
                let (name, after) = quoted.split_once("']")?;
                parts.push(Part::Name(name.to_owned()));
                rest = after;
            } else if let Some(bracket) = rest.strip_prefix('[') {
                let (index, after) = bracket.split_once(']')?;
                parts.push(if index == "*" { Part::AnyIndex } else { Part::Index(index.parse().ok()?) });
                rest = after;
            } else {
                let mut name = rest.strip_prefix('.')?;
                if let Some(deep) = name.strip_prefix('.') {
                    parts.push(Part::Deep);
                    name = deep;
                }
                let end = name.find(['.', '[']).unwrap_or(name.len());
                parts.push(match &name[..end] {
                    "" => return None,
                    "*" => Part::AnyName,
                    name => Part::Name(name.to_owned()),
                });
                rest = &name[end..];
            }
        }
        Some(Path(parts))
    }

    /// Whether the way leads exactly where the path points.
    pub(super) fn matches(&self, way: &[Step]) -> bool {
        matches(&self.0, way)
    }
}

fn matches(parts: &[Part], way: &[Step]) -> bool {
    match (parts, way) {
        ([], []) => true,
        ([Part::Deep, rest @ ..], _) => (0..=way.len()).any(|skipped| matches(rest, &way[skipped..])),
        ([part, parts @ ..], [step, way @ ..]) => {
            let here = match (part, step) {
                (Part::Name(a), Step::Name(b)) => a == b,
                (Part::Index(a), Step::Index(b)) => a == b,
                (Part::AnyName, Step::Name(_)) | (Part::AnyIndex, Step::Index(_)) => true,
                _ => false,
            };
            here && matches(parts, way)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_point_where_they_say() {
        let way = [Step::Name("a".into()), Step::Index(2), Step::Name("e-mail".into())];
        for path in ["$.a[*].e-mail", "$.a[2]['e-mail']", "$..e-mail", "$.*[2].*", "$.a..e-mail"] {
            assert!(Path::parse(path).unwrap().matches(&way), "{path}");
        }
        for path in ["$", "$.a", "$.a[1].e-mail", "$.a.e-mail", "$..e"] {
            assert!(!Path::parse(path).unwrap().matches(&way), "{path}");
        }
        for path in ["", "a.b", "$a", "$.", "$..", "$[", "$[x]", "$['a"] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }
}
