//! Keeps the process small on a small machine: what was freed goes back to the operating system.
//!
//! Left to itself, glibc gives each thread a pool of its own and keeps what a large roster's document took while it was
//! read. Other C libraries are left alone.

/// Pools that threads share. Nearly all is allocated by the one thread that decides; the others seldom meet it, and a pool of
/// their own would keep what they need for moments.
#[cfg(target_env = "gnu")]
const POOLS: libc::c_int = 1;
/// An allocation of so many bytes is the system's own and goes back at once when freed; so does as much at a pool's end.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 128 << 10;

/// Tells the C library; to be called before there are threads.
pub fn keep_small() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in
        [(libc::M_ARENA_MAX, POOLS), (libc::M_MMAP_THRESHOLD, LARGE_BYTES), (libc::M_TRIM_THRESHOLD, LARGE_BYTES)]
    {
        #[expect(unsafe_code, reason = "no safe wrapper of mallopt exists in the crates at hand")]
        // SAFETY: mallopt(3) takes any two numbers; what it does not know it refuses. A refusal costs memory only.
        unsafe {
            libc::mallopt(parameter, value);
        }
    }
}

/// Gives back what is free inside the pools too; after much was freed at once.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "no safe wrapper of malloc_trim exists in the crates at hand")]
    // SAFETY: malloc_trim(3) may be called at any time from any thread and touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}
