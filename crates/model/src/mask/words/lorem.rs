//! Words of dummy text by length.

pub(super) const BY_LENGTH: [&str; 13] = [
    "",
    "a|e|i|o",
    "ac|ad|at|et|eu|ex|id|in|mi|ne|ut|vi",
    "dis|dui|est|leo|nam|nec|non|per|pro|sed|sem|sit|sol|vel",
    "amet|ante|arcu|cras|diam|duis|eget|elit|enim|erat|eros|nibh|nisi|nunc|odio|orci|pede|quam|quis|urna",
    "augue|class|dolor|donec|etiam|felis|fusce|ipsum|justo|lacus|lorem|massa|metus|morbi|neque|nulla|proin|purus|risus|velit|vitae",
    "aenean|aptent|auctor|congue|cursus|dictum|lectus|libero|ligula|litora|luctus|mattis|mauris|mollis|montes|nullam|ornare|sapien|semper|tellus|tempor|tempus|tortor|turpis|varius",
    "aliquam|aliquet|blandit|commodo|conubia|dapibus|egestas|euismod|feugiat|finibus|gravida|iaculis|integer|lacinia|maximus|natoque|posuere|potenti|pretium|quisque|rhoncus|sodales|vivamus|viverra",
    "accumsan|bibendum|dictumst|eleifend|faucibus|habitant|interdum|lobortis|maecenas|molestie|nascetur|pharetra|placerat|praesent|pulvinar|sagittis|senectus|sociosqu|torquent|ultrices|vehicula|volutpat",
    "convallis|curabitur|dignissim|efficitur|elementum|facilisis|fermentum|fringilla|hendrerit|himenaeos|imperdiet|malesuada|penatibus|phasellus|porttitor|ridiculus|tincidunt|tristique|ultricies|venenatis|vulputate",
    "incididunt|parturient|vestibulum|adipiscing",
    "consectetur|condimentum|exercitatio|ullamcorper|scelerisque|suspendisse|consequatur",
    "exercitation|pellentesque|sollicitudin|perspiciatis|necessitatis",
];
