//! Writes that are begun and end by themselves, by the system's io_uring(7): nobody waits for the disk meanwhile.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::io::unix::AsyncFd;

use super::{blocks::Blocks, medium::MediumFile};

/// Blocks to be written to a file, durably.
pub(super) struct Append {
    #[allow(dead_code, reason = "machines without a ring write to no file here")]
    pub file: Arc<dyn MediumFile>,
    pub blocks: Blocks,
}

/// An append that has ended, and how. After an error, any part may have been written.
pub(super) type Ended = (Append, io::Result<()>);

/// Takes one append at a time.
pub(super) trait Ring: Send {
    /// Whether it can write to that file.
    fn takes(&self, file: &dyn MediumFile) -> bool;
    /// Begins an append, durable when it has ended well. Only if [`is_busy`](Self::is_busy) says no.
    ///
    /// # Errors
    /// The append, and whatever the operating system says: nothing was written, and this ring is of no more use.
    fn begin(&mut self, append: Append) -> Result<(), (Append, io::Error)>;
    /// Whether an append is under way.
    fn is_busy(&self) -> bool;
    /// The append that was under way, if it has ended. Never waits.
    fn poll(&mut self) -> Option<Ended>;
    /// The append that was under way, if any, once it has ended.
    fn wait(&mut self) -> Option<Ended>;
    /// What is readable when an append has ended; none if it has by the time it is asked for.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn readiness(&self) -> io::Result<Option<AsyncFd<OwnedFd>>>;
}

/// Whether an error says that the system or the file system can't write so at all, or not now: nothing was written.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    let refusals = [libc::EINVAL, libc::EOPNOTSUPP, libc::ENOSYS, libc::EPERM, libc::EAGAIN, libc::EINTR];
    error.raw_os_error().is_some_and(|code| refusals.contains(&code))
}

/// The system's ring, where there is one.
///
/// # Errors
/// Whatever the operating system says: it may not have it (before Linux 5.6), or forbid it (sysctl
/// `kernel.io_uring_disabled`, a container's or service's filter of system calls).
pub(super) fn system_ring() -> io::Result<Box<dyn Ring>> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
    return Ok(Box::new(uring::Uring::new()?));
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    return Err(io::ErrorKind::Unsupported.into());
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod uring {
    #![allow(unsafe_code, reason = "the system reads memory after the call that told it where")]

    use std::os::fd::{AsRawFd, BorrowedFd};

    use io_uring::{IoUring, opcode, types};

    use super::{Append, AsyncFd, Ended, MediumFile, OwnedFd, Ring, io};

    pub(super) struct Uring {
        ring: IoUring,
        /// Kept, file and memory, until the system has said that it is done with it.
        under_way: Option<Append>,
    }

    impl Uring {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self { ring: IoUring::new(2)?, under_way: None })
        }
    }

    impl Ring for Uring {
        fn takes(&self, file: &dyn MediumFile) -> bool {
            file.direct().is_some()
        }

        fn begin(&mut self, append: Append) -> Result<(), (Append, io::Error)> {
            let bytes = append.blocks.bytes();
            let (Some(file), Ok(len)) = (append.file.direct(), u32::try_from(bytes.len())) else {
                return Err((append, io::ErrorKind::Unsupported.into()));
            };
            let write = opcode::Write::new(types::Fd(file.as_raw_fd()), bytes.as_ptr(), len)
                .offset(append.blocks.at())
                .rw_flags(libc::RWF_DSYNC)
                .build();
            // SAFETY: `append` owns the memory and the file. Once begun it is in `under_way`, untouched, until its completion
            // was seen; so it is when this is dropped.
            if unsafe { self.ring.submission().push(&write) }.is_err() {
                return Err((append, io::ErrorKind::ResourceBusy.into()));
            }
            // If the system did not take it, it never will: nobody submits to this ring any more.
            match self.ring.submit() {
                Ok(1) => {
                    self.under_way = Some(append);
                    Ok(())
                }
                Ok(_) => Err((append, io::ErrorKind::ResourceBusy.into())),
                Err(error) => Err((append, error)),
            }
        }

        fn is_busy(&self) -> bool {
            self.under_way.is_some()
        }

        fn poll(&mut self) -> Option<Ended> {
            let result = self.ring.completion().next()?.result();
            let append = self.under_way.take()?;
            let written = match usize::try_from(result) {
                Ok(written) if written == append.blocks.bytes().len() => Ok(()),
                Ok(_) => Err(io::ErrorKind::WriteZero.into()),
                Err(_) => Err(io::Error::from_raw_os_error(-result)),
            };
            Some((append, written))
        }

        fn wait(&mut self) -> Option<Ended> {
            while self.is_busy() {
                if let Some(ended) = self.poll() {
                    return Some(ended);
                }
                // Interrupted, it asks again.
                let _ = self.ring.submit_and_wait(1);
            }
            None
        }

        fn readiness(&self) -> io::Result<Option<AsyncFd<OwnedFd>>> {
            // SAFETY: the ring has its descriptor open for as long as this borrow lasts.
            let descriptor = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) }.try_clone_to_owned()?;
            // SAFETY: it owns its descriptor and gives no other.
            Ok(Some(unsafe { AsyncFd::register(descriptor) }?))
        }
    }

    impl Drop for Uring {
        fn drop(&mut self) {
            self.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::{
            fd::{AsFd, BorrowedFd},
            unix::fs::MetadataExt,
        },
        path::Path,
    };

    use super::*;
    use crate::ledger::{Disk, Medium};

    /// A file of zeros that takes appends.
    fn file_in(folder: &Path) -> Arc<dyn MediumFile> {
        let file = Disk::new(folder).create("file").unwrap();
        file.write_all_at(&[0; 64 << 10], 0).unwrap();
        file.sync_data().unwrap();
        file
    }

    fn append(file: &Arc<dyn MediumFile>, blocks: Blocks, bytes: &[u8], at: u64) -> Append {
        let mut append = Append { file: Arc::clone(file), blocks };
        append.blocks.lay(&**file, bytes, at).unwrap();
        append
    }

    fn ring() -> Option<Box<dyn Ring>> {
        system_ring().map_err(|cause| println!("SKIPPED: no io_uring here: {cause}")).ok()
    }

    /// How often the disk that `path` is on was told to flush what it holds back; none if it holds nothing back, or nobody
    /// counts.
    fn flushes_of_disk(path: &Path) -> Option<u64> {
        let dev = fs::metadata(path).unwrap().dev();
        let device = format!("/sys/dev/block/{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev));
        // A partition has its disk's queue one level up.
        let disk =
            [device.clone(), format!("{device}/..")].into_iter().find(|at| Path::new(at).join("queue").is_dir())?;
        let held_back = fs::read_to_string(format!("{disk}/queue/write_cache")).ok()?.starts_with("write back");
        // Field 16: number of flush requests (Documentation/block/stat.rst).
        let stat = fs::read_to_string(format!("{disk}/stat")).ok()?;
        stat.split_whitespace().nth(15)?.parse().ok().filter(|_| held_back)
    }

    #[test]
    fn each_append_is_flushed_to_the_disk() {
        let Some(mut ring) = ring() else { return };
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        let Some(before) = flushes_of_disk(folder.path()) else {
            return println!("SKIPPED: nobody counts the flushes of the disk with temporary files (TMPDIR)");
        };
        let mut blocks = Blocks::default();
        // So many that others' flushes meanwhile are fewer.
        for n in 0..200 {
            ring.begin(append(&file, blocks, &[n + 1; 100], u64::from(n) * 100)).map_err(|(_, cause)| cause).unwrap();
            let (ended, written) = ring.wait().unwrap();
            written.unwrap();
            blocks = ended.blocks;
            blocks.set_written();
        }
        let flushes = flushes_of_disk(folder.path()).unwrap() - before;
        assert!(flushes >= 200, "{flushes} flushes of 200 appends");
    }

    /// A file that the system opens, but not for writing.
    struct ReadOnly(File);

    impl MediumFile for ReadOnly {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0.metadata()?.len())
        }
        fn read_exact_at(&self, buf: &mut [u8], _: u64) -> io::Result<()> {
            buf.fill(0);
            Ok(())
        }
        fn allocate(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Ok(())
        }
        fn direct(&self) -> Option<BorrowedFd<'_>> {
            Some(self.0.as_fd())
        }
        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_the_system_does_not_write_is_given_back_with_its_word() {
        let Some(mut ring) = ring() else { return };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), [0; 4096]).unwrap();
        let file: Arc<dyn MediumFile> = Arc::new(ReadOnly(File::open(folder.path().join("file")).unwrap()));
        for _ in 0..3 {
            assert!(!ring.is_busy() && ring.poll().is_none());
            ring.begin(append(&file, Blocks::default(), b"text", 8)).map_err(|(_, cause)| cause).unwrap();
            let (ended, written) = ring.wait().unwrap();
            assert_eq!(&ended.blocks.bytes()[8..12], b"text");
            assert_eq!(written.unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
    }

    #[tokio::test]
    async fn what_has_ended_is_told_to_whoever_waits_without_a_thread() {
        let Some(mut ring) = ring() else { return };
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        let ready = ring.readiness().unwrap().unwrap();
        let mut blocks = Blocks::default();
        for n in 0..20 {
            ring.begin(append(&file, blocks, &[n + 1; 3_000], u64::from(n) * 3_000))
                .map_err(|(_, cause)| cause)
                .unwrap();
            let (ended, written) = loop {
                ready.readable().await.unwrap().clear_ready();
                if let Some(ended) = ring.poll() {
                    break ended;
                }
            };
            written.unwrap();
            blocks = ended.blocks;
            blocks.set_written();
        }
        let mut found = vec![0; 60_000];
        file.read_exact_at(&mut found, 0).unwrap();
        assert!(found.chunks(3_000).zip(1_u8..).all(|(piece, n)| piece.iter().all(|byte| *byte == n)));
    }
}
