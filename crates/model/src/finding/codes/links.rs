//! GR086x: links by which files are handed over, and the listener that takes them.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0860",
        title: "links cannot be listened for there",
        explain: "`greenroom artefact listen` takes files by links. Without a certificate it listens on this machine only (127.0.0.1, ::1): on any other address link and file could be read along the way. Either give it `--tls-certificate` and `--tls-key`, or let a web server on the same machine, which has a certificate, pass requests on to it. It also says so when the address is taken already or is none of this machine's.",
    },
    CodeInfo {
        code: "GR0861",
        title: "the certificate or its key cannot be used",
        explain: "`--tls-certificate` is a PEM file with the certificate and those that vouch for it, `--tls-key` a PEM file with its private key (PKCS#8, PKCS#1 or SEC1) without a passphrase, which only its owner can read.",
    },
    CodeInfo {
        code: "GR0862",
        title: "no link can begin with this address",
        explain: "`upload_url` under `[process]`, or `--url`, is what people outside type to reach `greenroom artefact listen`: `https://files.example.org/in`, with a port and a path if need be, without a login and without `?`. `http://` is taken for this machine itself only.",
    },
];
