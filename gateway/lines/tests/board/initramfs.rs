//! A root file system in memory with one program, as the kernel unpacks it (Documentation/driver-api/early-userspace/
//! buffer-format.rst: cpio, "new ASCII").

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// Major and minor number of `/dev/console`.
const CONSOLE: (u32, u32) = (5, 1);

/// An archive in which this is `/init`.
pub(crate) fn with_init(init: &[u8]) -> Vec<u8> {
    let mut archive = Vec::with_capacity(init.len() + 1_024);
    for folder in ["dev", "proc", "sys"] {
        add(&mut archive, folder, DIRECTORY, (0, 0), &[]);
    }
    add(&mut archive, "dev/console", CHARACTER_DEVICE, CONSOLE, &[]);
    add(&mut archive, "init", PROGRAM, (0, 0), init);
    add(&mut archive, "TRAILER!!!", 0, (0, 0), &[]);
    archive
}

fn add(archive: &mut Vec<u8>, name: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
    let (size, name_size) = (u32::try_from(content.len()).unwrap(), u32::try_from(name.len()).unwrap() + 1);
    let inode = u32::try_from(archive.len()).unwrap();
    archive.extend(b"070701");
    for field in [inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0] {
        archive.extend(format!("{field:08X}").as_bytes());
    }
    archive.extend(name.as_bytes());
    archive.push(0);
    align(archive);
    archive.extend(content);
    align(archive);
}

fn align(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}
