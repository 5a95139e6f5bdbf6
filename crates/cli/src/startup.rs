//! What must be settled before any thread starts. Owns the process's environment; nothing else reads or changes it later.

/// What can only be said by the environment, in bytes.
///
/// - How much each of up to 128 buffers that the driver for MariaDB and MySQL keeps may have: 4 MiB by default, which is half a gigabyte once a
///   table of files has gone through.
/// - From which size on glibc gives memory back as soon as it is freed: it raises that to 32 MiB by itself otherwise, and keeps what files took.
#[cfg(unix)]
const KEPT: [(&str, &str); 2] = [("MYSQL_ASYNC_BUFFER_SIZE_CAP", "65536"), ("MALLOC_MMAP_THRESHOLD_", "1048576")];

/// Sets them by starting the program again in its own place, with the same process id: changing one's own environment is unsafe, replacing
/// oneself is not. Where that cannot be done, and on Windows, the program goes on with their own measures.
pub(crate) fn bound_the_drivers_memory() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        if KEPT.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
            return;
        }
        let Ok(own) = std::env::current_exe() else { return };
        let mut arguments = std::env::args_os();
        let mut again = std::process::Command::new(own);
        if let Some(name) = arguments.next() {
            again.arg0(name);
        }
        // It returns only if it failed.
        drop(again.args(arguments).envs(KEPT).exec());
    }
}
