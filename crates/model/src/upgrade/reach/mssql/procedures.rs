//! System procedures of SQL Server that reach outside the database they are called in. Owns the list; source: the manual's
//! "System stored procedures".

use super::{ADMITS, AGENT, FILES, OTHERS, SERVER};
use crate::finding::Severity;

/// Names and why they are refused. A name that ends with `*` stands for all that begin so.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "sp_configure",
            "sp_addlogin",
            "sp_droplogin",
            "sp_grantlogin",
            "sp_revokelogin",
            "sp_denylogin",
            "sp_defaultdb",
            "sp_defaultlanguage",
            "sp_password",
            "sp_addsrvrolemember",
            "sp_dropsrvrolemember",
            "sp_addmessage",
            "sp_altermessage",
            "sp_dropmessage",
            "sp_serveroption",
            "sp_addserver",
            "sp_setnetname",
            "sp_procoption",
            "sp_addextendedproc",
            "sp_dropextendedproc",
            "sp_fulltext_service",
            "sp_control_dbmasterkey_password",
            "sp_audit_write",
            "sp_trace_*",
        ],
        SERVER,
    ),
    (
        &[
            "sp_dboption",
            "sp_renamedb",
            "sp_changedbowner",
            "sp_dbcmptlevel",
            "sp_attach_db",
            "sp_attach_single_file_db",
            "sp_detach_db",
            "sp_create_removable",
            "sp_certify_removable",
            "sp_resetstatus",
            "sp_delete_backuphistory",
        ],
        SERVER,
    ),
    (
        &[
            "sp_addlinkedserver",
            "sp_addlinkedsrvlogin",
            "sp_droplinkedsrvlogin",
            "sp_dropserver",
            "sp_addremotelogin",
            "sp_dropremotelogin",
            "sp_remoteoption",
            "sp_msforeachdb",
            "sp_replicationdboption",
            "sp_adddistributor",
            "sp_adddistributiondb",
            "sp_adddistpublisher",
            "sp_addpublication*",
            "sp_droppublication",
            "sp_addsubscription",
            "sp_dropsubscription",
            "sp_addpullsubscription*",
            "sp_addpushsubscription*",
            "sp_addmergepublication",
            "sp_addmergesubscription",
            "sp_addarticle",
            "sp_invoke_external_rest_endpoint",
            "sp_execute_external_script",
            "sp_execute_remote",
        ],
        OTHERS,
    ),
    (&["sp_oacreate", "sp_oamethod", "sp_oasetproperty", "sp_oagetproperty", "sp_oadestroy", "sp_oageterrorinfo", "sp_oastop"], FILES),
    (&["sp_addumpdevice", "sp_dropdevice", "sp_cycle_errorlog", "sp_makewebtask", "sp_runwebtask"], FILES),
    (
        &[
            "sp_add_job*",
            "sp_update_job*",
            "sp_delete_job*",
            "sp_start_job",
            "sp_stop_job",
            "sp_apply_job_to_targets",
            "sp_add_schedule",
            "sp_update_schedule",
            "sp_delete_schedule",
            "sp_attach_schedule",
            "sp_detach_schedule",
            "sp_add_alert",
            "sp_update_alert",
            "sp_delete_alert",
            "sp_add_operator",
            "sp_update_operator",
            "sp_delete_operator",
            "sp_add_notification",
            "sp_add_category",
            "sp_add_proxy",
            "sp_grant_proxy*",
            "sp_add_maintenance_plan*",
            "sp_cdc_enable_db",
            "sp_cdc_disable_db",
            "sp_cdc_enable_table",
            "sp_cdc_add_job",
            "sp_cdc_start_job",
        ],
        AGENT,
    ),
    (&["sp_send_dbmail", "sysmail_*", "sp_notify_operator"], "it sends mail, or changes how the server sends it"),
];

/// They let accounts of the server into the database.
const ADMITTING: &[&str] = &["sp_addrolemember", "sp_adduser", "sp_grantdbaccess", "sp_change_users_login", "sp_addapprole"];

/// What is said about a procedure, by its name in lower case without schema.
pub(super) fn verdict(name: &str) -> Option<(&'static str, Severity)> {
    let is = |listed: &str| match listed.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == listed,
    };
    if let Some((_, why)) = REFUSED.iter().find(|(names, _)| names.iter().any(|n| is(n))) {
        return Some((why, Severity::Error));
    }
    if name.starts_with("xp_") {
        return Some((FILES, Severity::Error));
    }
    ADMITTING.contains(&name).then_some((ADMITS, Severity::Warning))
}
