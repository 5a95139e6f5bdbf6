//! The `greenroom` binary. Owns the process: parses the command line, runs one command, ends with its exit code. Does not own what commands
//! do (`commands`), how things look (`render`) nor what an error means to people (`error`).

mod app;
mod commands;
mod demo;
mod error;
mod progress;
mod render;
mod startup;
mod templates;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    startup::bound_the_drivers_memory();
    let app = app::App::new(&arguments.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return app.fail(&error::CliError::Io { attempted: "start the worker threads".into(), source }),
    };
    let ended = runtime.block_on(commands::run(&app, arguments.command));
    // After a second Ctrl-C a blocked database call must not hold the process.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(e) => app.fail(&e),
    }
}
