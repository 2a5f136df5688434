//! A flattened device tree (Devicetree Specification 0.4, chapter 5) whose GPIO chip's lines have names.

const BEGIN_NODE: [u8; 4] = 1_u32.to_be_bytes();
const PROPERTY: u32 = 3;
const NODE: &[u8] = b"pl061@";
const PROPERTY_NAME: &[u8] = b"gpio-line-names\0";

/// Words of the header.
const TOTAL_SIZE: usize = 1;
const STRUCTURE: usize = 2;
const STRINGS: usize = 3;
const SIZE_OF_STRINGS: usize = 8;
const SIZE_OF_STRUCTURE: usize = 9;

/// The same tree, with these names at the chip.
pub(crate) fn with_line_names(tree: &[u8], names: &[&str]) -> Vec<u8> {
    let word = |n: usize| u32::from_be_bytes(tree[4 * n..4 * n + 4].try_into().unwrap());
    let part = |at: usize, size: usize| &tree[word(at) as usize..(word(at) + word(size)) as usize];
    let (structure, strings) = (part(STRUCTURE, SIZE_OF_STRUCTURE), part(STRINGS, SIZE_OF_STRINGS));

    let begins = [&BEGIN_NODE[..], NODE].concat();
    let node = structure.windows(begins.len()).position(|bytes| bytes == begins).expect("a PL061 in the tree");
    let name_ends = node + 4 + structure[node + 4..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let (head, tail) = structure.split_at(name_ends.next_multiple_of(4));
    let value: Vec<u8> = names.iter().flat_map(|name| name.bytes().chain([0])).collect();
    let mut property = Vec::new();
    for word in [PROPERTY, u32::try_from(value.len()).unwrap(), u32::try_from(strings.len()).unwrap()] {
        property.extend(word.to_be_bytes());
    }
    property.extend(&value);
    property.resize(property.len().next_multiple_of(4), 0);

    // What lies before the structure stays: the header and the reserved memory. The strings go to the end.
    let mut changed = tree[..word(STRUCTURE) as usize].to_vec();
    changed.extend([head, &property, tail].concat());
    let strings_at = changed.len();
    changed.extend([strings, PROPERTY_NAME].concat());
    let sizes = [
        (TOTAL_SIZE, changed.len()),
        (STRINGS, strings_at),
        (SIZE_OF_STRINGS, strings.len() + PROPERTY_NAME.len()),
        (SIZE_OF_STRUCTURE, structure.len() + property.len()),
    ];
    for (n, value) in sizes {
        changed[4 * n..4 * n + 4].copy_from_slice(&u32::try_from(value).unwrap().to_be_bytes());
    }
    changed
}
