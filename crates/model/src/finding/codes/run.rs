//! GR07xx: runs and the journal.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0701",
        title: "connection lost",
        explain: "The database, the network or a failover ended the connection. Nothing that was not committed stays. `greenroom resume` goes on from the last finished range.",
    },
    CodeInfo {
        code: "GR0702",
        title: "permission denied",
        explain: "The database refused. The message names what was refused; `greenroom plan` prints the statements that give the rights.",
    },
    CodeInfo {
        code: "GR0703",
        title: "no room left",
        explain: "The disk (or a quota) is full. Nothing that stood before is harmed. Free room, then `greenroom resume`, or `greenroom undo`.",
    },
    CodeInfo {
        code: "GR0704",
        title: "the data does not fit",
        explain: "A value contradicts a type or constraint, or a mask does not understand a value. The message names table, column or constraint, never the value.",
    },
    CodeInfo {
        code: "GR0705",
        title: "statement refused",
        explain: "The database did not accept a statement: a name that does not exist, or SQL that it does not understand.",
    },
    CodeInfo {
        code: "GR0706",
        title: "something stands in the way",
        explain: "An object that should not exist does, or something changed underneath the run.",
    },
    CodeInfo { code: "GR0707", title: "not supported", explain: "This engine or version cannot do what was asked." },
    CodeInfo {
        code: "GR0708",
        title: "try again",
        explain: "A lock, a time-out or a conflict between transactions: likely to pass. `greenroom resume` tries again.",
    },
    CodeInfo {
        code: "GR0709",
        title: "stopped",
        explain: "The work was stopped on request. `greenroom resume` goes on, `greenroom undo` goes back.",
    },
    CodeInfo {
        code: "GR0710",
        title: "failed",
        explain: "Something else went wrong; the message says what the database or the operating system said.",
    },
    CodeInfo {
        code: "GR0711",
        title: "the run's folder is incomplete",
        explain: "A file that an earlier step wrote into the workspace is gone, so the run cannot go on. Undo it and start again.",
    },
    CodeInfo {
        code: "GR0712",
        title: "swap not confirmed",
        explain: "After the names were exchanged, another database than the new generation answers under the pilot's name. Somebody else may have acted at the same time. Look with `greenroom status` before anything else.",
    },
    CodeInfo {
        code: "GR0713",
        title: "edited after planning",
        explain: "A file that the plan pinned by its hash is another one now. What was planned is what runs: plan again.",
    },
    CodeInfo {
        code: "GR0714",
        title: "replaced since",
        explain: "The run's generation does not stand under the pilot's name any more; a later one does. Undo the later run first.",
    },
    CodeInfo { code: "GR0715", title: "former pilot gone", explain: "The former pilot was dropped, so it cannot get its name back." },
    CodeInfo {
        code: "GR0716",
        title: "upgrade script failed",
        explain: "A statement of an upgrade script failed on the generation. The message names file, line and statement. This is what rehearsals are for: find the data that the script meets, mend script or data, undo the run and rehearse again. The pilot that people use is untouched.",
    },
    CodeInfo {
        code: "GR0717",
        title: "upgrade program failed",
        explain: "A program of the upgrade ended badly or did not end in time. Its output is in the run's folder.",
    },
    CodeInfo {
        code: "GR0718",
        title: "a person reported failure",
        explain: "The person who carried out a step of the upgrade said that it failed.",
    },
    CodeInfo {
        code: "GR0719",
        title: "another version of a script is in",
        explain: "The generation has already been given another version of this script. Undo the run and rehearse again.",
    },
    CodeInfo { code: "GR0720", title: "program cannot be run", explain: "A program of the upgrade is missing or not executable." },
    CodeInfo {
        code: "GR0721",
        title: "the program was edited during the run",
        explain: "The program's files are not those that the plan was made from. Resume refuses edits: undo and plan again, or put the files back.",
    },
    CodeInfo {
        code: "GR0722",
        title: "no such run",
        explain: "No run has that name, or none is there to go on with. `greenroom runs` lists them.",
    },
    CodeInfo {
        code: "GR0723",
        title: "another Greenroom is at work",
        explain: "Another process drives this run or works on this pilot. Wait for it, or stop it; a dead process lets go by itself.",
    },
    CodeInfo {
        code: "GR0724",
        title: "the journal cannot be trusted",
        explain: "The journal's hash chain is broken or its events contradict each other: somebody or something changed the file. Restore it from a backup; Greenroom does not guess.",
    },
    CodeInfo {
        code: "GR0725",
        title: "the former pilot is another database",
        explain: "Before a swap the run notes which database stands under the pilot's name: the engine's identity and the nonce of its marker. When the swap or its undo goes on later and another database stands there or beside it, somebody else has acted meanwhile. Nothing is renamed or dropped then.",
    },
    CodeInfo {
        code: "GR0726",
        title: "an inverse script failed",
        explain: "A script that the program declares to undo what the upgrade did outside the database did not run. The generation is dropped already and the former pilot stands; what is left is what the message names. Mend the cause and run `greenroom undo` again: the pinned script is tried again, or carry it out by hand.",
    },
    CodeInfo {
        code: "GR0731",
        title: "no quarantine is declared",
        explain: "`greenroom try` restores a backup, and a restored backup is raw data on disk. It is only restored where the program says so: a `[quarantine]` section in greenroom.toml. On servers an empty section means the target's server; on SQLite it names a folder.",
    },
    CodeInfo {
        code: "GR0732",
        title: "the backup cannot be used",
        explain: "What was given is no backup of this program's engine, is cut off, packed or encrypted, or holds statements that reach outside one database. A backup is foreign code: what it wants to do beyond its own database is refused. Nothing of it is left anywhere.",
    },
    CodeInfo {
        code: "GR0733",
        title: "the raw copy is not there",
        explain: "The run reads a raw copy in the quarantine, and what stands under its name now is not that copy, or nothing is. Undo the run and try the backup again.",
    },
    CodeInfo {
        code: "GR0734",
        title: "the backup changed",
        explain: "The file is no longer the one that the run was planned for. Put it back, or undo the run and try the new file.",
    },
    CodeInfo {
        code: "GR0741",
        title: "production cannot be fenced",
        explain: "Something is in the way of a fence that holds: sessions that no fence binds, a login that may not shut others out, replication that goes on writing, or nobody to shut out at all. Nothing was changed. The details name each obstacle and how to get it out of the way; `greenroom fence` shows them at any time.",
    },
    CodeInfo {
        code: "GR0742",
        title: "production is fenced already, or not at all",
        explain: "The journal says otherwise than the command expects: a fence that stands is not raised twice, one that was never raised cannot be lifted. `greenroom fence` shows what journal and database say.",
    },
    CodeInfo {
        code: "GR0743",
        title: "how production stood open is lost",
        explain: "Before a fence goes up, who could come in is written into the workspace and onto the break-glass card beside it. Without the file Greenroom does not know what to give back, since a fence takes away what the database alone would remember. Type the statements of the card, or restore the file from a copy of the workspace.",
    },
    CodeInfo {
        code: "GR0744",
        title: "the fence does not stand as it should",
        explain: "The database was asked after the fence was raised or lifted, and says otherwise: a door stands open, or somebody is in. Somebody else may have acted meanwhile. `greenroom fence` shows what is true, `greenroom fence lift` opens everything that Greenroom shut.",
    },
    CodeInfo {
        code: "GR0745",
        title: "the fence is a switch's",
        explain: "The fence around production is part of a switch that is neither finished nor undone. Lifting it alone would open a production that the switch may have put aside, or let people write what the copy does not have. Undo the switch: it gives everything back in the right order.",
    },
    CodeInfo {
        code: "GR0750",
        title: "files of a production that moves are not complete at their new place",
        explain: "A production that moves takes the program's trees of files along: once it is shut, what is new or changed since the last pass is copied. Files that could not be read or written, or that somebody else put or changed at the new place, are named. `greenroom files copy` copies them beforehand, while people work, so that the window holds a short last pass; `greenroom files verify` compares every byte.",
    },
    CodeInfo {
        code: "GR0751",
        title: "a tree of files cannot be copied",
        explain: "The places of a tree under `[files]` are no pair that can be worked with: one is missing or no folder, one lies within the other, or the tree of this name was copied between other places before. Nothing was changed. What is wrong with single files does not stop a copy; it is listed in its report.",
    },
    CodeInfo {
        code: "GR0761",
        title: "another database stands under production's name",
        explain: "What stands under production's name on the target is not the database that is read as production, by the engine's own identity. Nothing was changed. Find out what it is; names prove nothing.",
    },
    CodeInfo {
        code: "GR0762",
        title: "production was opened during the switch",
        explain: "The fence around production does not stand any more as it was raised: somebody opened it, or came in. What was written since production was read for the last time is not in the copy, so that the copy must not take its place. Undo the switch, which gives production back as it is now, and switch again.",
    },
    CodeInfo {
        code: "GR0763",
        title: "the testers refused",
        explain: "Somebody answered `refuse` when the new production was to be accepted. Production has its name back and is open as it was; nothing that was written to it is lost, since nobody could write.",
    },
    CodeInfo {
        code: "GR0764",
        title: "users have been let in",
        explain: "Users work in the new production, or may: it cannot be undone without losing what they write. The former production stands beside it, fenced and unchanged since the window.",
    },
    CodeInfo {
        code: "GR0765",
        title: "the switch took too long",
        explain: "The time that `[switch] minutes` gives was over before users had been let in. Production has its name back and is open as it was. Give it more time if the upgrade needs it; a dress rehearsal tells how much.",
    },
    CodeInfo {
        code: "GR0766",
        title: "owners and rights cannot be carried",
        explain: "Production's objects belong to roles, and roles have rights on them, that Greenroom's login cannot give. In a new production people would miss them. Let the login be a member of the roles that are named, or create the roles on the target's server, then resume. Where production moves to another server, everybody who can come into it has to be known there before anything begins.",
    },
    CodeInfo {
        code: "GR0767",
        title: "the engine cannot be switched yet",
        explain: "On this engine Greenroom cannot put another database in production's place yet; on MariaDB, where databases cannot be renamed, on another server or under another name only (`[switch] name`). A dress rehearsal tries the go-live out; the night itself follows the vendor's own procedure.",
    },
    CodeInfo {
        code: "GR0768",
        title: "no dress rehearsal proves the switch",
        explain: "A switch is only made with an upgrade, a carry-over and a schema that were tried out together, unmasked, to the end. There has been no such dress rehearsal, or something of that changed since.",
    },
    CodeInfo {
        code: "GR0769",
        title: "no proven restore point",
        explain: "There must be a backup of production, not too old, from which a restore was proven: `greenroom prove BACKUP` restores it and reads every row of the restored copy. The file must still lie where it was proven. `[switch] restore_point_hours` says how old it may be.",
    },
    CodeInfo {
        code: "GR0770",
        title: "something of production would be missing",
        explain: "The new production is a copy. What the copy cannot hold, or holds switched off so that a pilot reaches nobody, would be missing afterwards. Each finding names it and the way out.",
    },
    CodeInfo {
        code: "GR0771",
        title: "production is busy with what must not be cut off",
        explain: "Something is going on in production that a fence would cut off, or that would lose its database when another one takes its name: a transaction that has run for long, replication out of it. Let it end first.",
    },
    CodeInfo {
        code: "GR0772",
        title: "a program beside the switch could not be taken back",
        explain: "Production has its name back and is open as it was. What `undo` of a hook runs, to take back what the hook did outside the database, did not end well. Mend the cause and undo the run again: it goes on there.",
    },
    CodeInfo {
        code: "GR0773",
        title: "the former production's time is not over",
        explain: "What was production before a switch is kept for the days that `[switch] keep_former_days` says, or until the date that somebody gave with `greenroom retire NAME --keep`. It is the only way back to where everything was. `--early` drops it all the same.",
    },
    CodeInfo {
        code: "GR0774",
        title: "a switch that cannot be taken back",
        explain: "Once users are in the new production, going back without losing what they write needs to know what they touched. `[switch] rollback_hours` has the database note the keys of all rows that are inserted, changed or deleted, from before users are let in until `greenroom rollback --give-up`. Before users are let in `greenroom undo` gives production back as it was. Where production moves to another server, or stays beside the new one under its own name, nothing can be carried back to it: leave `rollback_hours` out.",
    },
    CodeInfo {
        code: "GR0775",
        title: "a row cannot be carried back",
        explain: "The former production refuses a row that was written since the switch: it needs another row whose table cannot be carried back, or a constraint of the former version forbids it. Nothing was changed there. `greenroom undo` opens the new production again, with everything in it.",
    },
    CodeInfo {
        code: "GR0776",
        title: "what was written since cannot all be carried back",
        explain: "Tables that the upgrade made, or whose columns it changed, have no place in the former version. What users wrote into them since the switch is given up by a rollback; a person must say so, and it is on record. Columns that only the new version has are left behind with their values. `[[rollback.inverse]]` in greenroom.toml gives such rows a place by a query of the program's own.",
    },
    CodeInfo {
        code: "GR0777",
        title: "what was carried back is not what stands in the new production",
        explain: "After the rows that were touched since the switch were carried back, both sides were read again, and they differ. The new production is shut and unchanged: `greenroom undo` opens it again.",
    },
    CodeInfo {
        code: "GR0778",
        title: "the way back was not tried out",
        explain: "`[switch] rollback_hours` promises a way back after users were let in, and the dress rehearsal of this recipe did not try it: it was made before that was set. A dress rehearsal with it keeps a second copy in the former shape, writes into the upgraded one, carries that back, and compares. `greenroom rollback --rehearse` starts one.",
    },
    CodeInfo {
        code: "GR0779",
        title: "what is touched in production cannot be noted",
        explain: "`[switch] final_copy = \"touched\"` prepares, indexes and verifies the copy before the window; production notes the keys of rows that are touched meanwhile, by triggers of ours that the switch makes and removes. A table without a key is compared whole in the window. Production on another server than the target cannot be made to note anything: there `final_copy = \"all\"` reads every row once more.",
    },
    CodeInfo {
        code: "GR0780",
        title: "the strategy does not fit where production stands",
        explain: "`[switch] strategy = \"in-place\"` upgrades production where it stands: it has to be on the target, under the name that the new one takes. `server-move` takes it to another server (`[target]`) or to another name (`[switch] name`), where nothing may stand.",
    },
    CodeInfo {
        code: "GR0781",
        title: "document numbers are not what they were",
        explain: "`[[numbers]]` names series of document numbers. After the upgrade, and after a rollback, those of both sides are compared: a number that a document bore and bears no more, one that several bear, and a counter that stands behind a number that was given are asked about, since nobody can take them back later. Gaps that production had before are none. The numbers themselves are shown on the terminal and stand in `numbers.txt` in the run's folder; the record has how many there are.",
    },
    CodeInfo {
        code: "GR0782",
        title: "inverse SQL cannot be used",
        explain: "`[[rollback.inverse]]` says how the new version's rows become rows of a table of the former one: a query whose columns bear the former names. The query does not work, its table or a table of `touched_by` is not there, or the keys of both do not correspond. `greenroom rollback --rehearse` tries it out before the go-live.",
    },
    CodeInfo {
        code: "GR0783",
        title: "rows would not come back",
        explain: "On trial, rows were written into the upgraded copy, and a row that an inverse gives back changed without a touched key of `touched_by` telling so: the query reads from a table that is not named there. After a go-live such a row would be left behind without a word. Name the table, or have every row compared with `whole = true`.",
    },
    CodeInfo {
        code: "GR0784",
        title: "the former version would refuse a row",
        explain: "`greenroom rollback --preview` makes the changes of a rollback in the former production, in a transaction that is given up, and a constraint of the former version forbids some. Change the row in the new production while people still work there. What is refused at the end of the day is what counts: `greenroom rollback` goes back by itself when the former version refuses a row.",
    },
    CodeInfo {
        code: "GR0785",
        title: "a large object cannot be carried back",
        explain: "Large objects (PostgreSQL) that differ between the new production and the former one are given the content that they have in the new one, each in a transaction of its own. The former production refused one. Rows that were carried back before do no harm: the next rollback compares again. The new production is opened again by itself.",
    },
    CodeInfo {
        code: "GR0790",
        title: "there is no process around the runs",
        explain: "Stages, gates, sign-offs and tasks are written in `process.toml` beside `greenroom.toml`, and the program has none. Rehearsals and switches need none.",
    },
    CodeInfo {
        code: "GR0791",
        title: "this may not be put on record",
        explain: "What the process allows is decided from what `process.toml` says and what was recorded: a stage has gates that are not met, a person has not the role, asked for the approval themselves, or is not known. The message names what is in the way; `greenroom why GATE` explains a gate. Nothing was recorded.",
    },
    CodeInfo {
        code: "GR0792",
        title: "the process does not allow the go-live now",
        explain: "`go_live` in `process.toml` names the stage in which `greenroom switch` may begin. It has to have been entered, and its entry gates have to be met still: its window open, what was approved unchanged.",
    },
    CodeInfo {
        code: "GR0786",
        title: "the fence that stands would not last",
        explain: "Production stays on the server that the new one stands on, under a name of its own, and an account leads to both. A fence that locks accounts alone falls the moment users are let in. The switch needs one of its own, which shuts the database itself, too: triggers on every table reject each change. Lift the fence that was raised by hand, and let the switch raise its own.",
    },
    CodeInfo {
        code: "GR0787",
        title: "the former production is not shut for good",
        explain: "Users are let into a new production on the same server only when nobody can write to the former one any more: our triggers stand on every table of it, and no account, role or PUBLIC has rights on it but such as they have on all databases. Something of that could not be done, or was undone by hand. Nobody was let in. Mend what is named, then resume: from there on there is only forward.",
    },
    CodeInfo {
        code: "GR0793",
        title: "the window of the go-live closes",
        explain: "The stage of the go-live has a window (`kind = \"window\"` at its entry). A switch ends with it: everything goes back by itself when it closes, although `[switch] minutes` would leave more time, unless users have been let in. Once it is closed nobody is shut out any more; `greenroom undo` takes back what was prepared, or the switch goes on when the window opens again. `greenroom gate waive` lets those who may waive it do so.",
    },
    CodeInfo {
        code: "GR0794",
        title: "a former production on another server is dropped by hand",
        explain: "After a move the former production stands where it always did, shut for good. Greenroom reads that server and shuts people out there; it has no business dropping anything on it. Drop the database with the engine's own client once its time is over, then say so with `greenroom retire NAME --by-hand`: where production's server can still be asked, it is asked, and a database that stands is not written down as gone.",
    },
    CodeInfo {
        code: "GR0795",
        title: "several switches in one window are not done so",
        explain: "`[switch] together` names the programs whose databases go live in the same window: `greenroom together` does the same with all of them, lets users into none before testers have accepted all, and takes all back when one goes back. What would break that is refused: one of them alone, a word that not all of them wait for, taking one back when users may be in another.",
    },
    CodeInfo {
        code: "GR0796",
        title: "a signature could not be made, or is not good",
        explain: "Signatures are made with ed25519 keys as OpenSSH keeps them, over a text that names the program, the gate, the decision, what it is about and the request; `ssh-keygen -Y sign -n greenroom` makes the same. A signature over another text, in another namespace, with another key or with a changed bit is not good. Nothing was recorded.",
    },
    CodeInfo {
        code: "GR0797",
        title: "the record is not what was handed over",
        explain: "A head names one event of the record by number and hash. When that event has another hash now, or is not there, the record was rewritten or put back since the head was written; when a file of the record does not follow from itself, somebody or something changed it. The message names the first event that does not fit.",
    },
    CodeInfo {
        code: "GR0798",
        title: "an artefact could not be stored or opened",
        explain: "What is received is encrypted while it is read and never stands plain in the workspace. When the disk is full, the file cannot be read or the key does not open it, nothing is put on record and nothing half-written stays. What is stored is compared with the checksums on record before it counts.",
    },
    CodeInfo {
        code: "GR0799",
        title: "nothing of this can be erased",
        explain: "`greenroom record erase` removes what stands beside the chain about people: their login, and what they said in their own words. No such entry belongs to the login or event that was named, or the file could not be cleaned because another process is reading it.",
    },
    CodeInfo {
        code: "GR0835",
        title: "there are no notices",
        explain: "Who is told of what is recorded is written in `process.toml`: `[notices]` says how, `[notice.NAME]` who is told of what. Without them nobody is told.",
    },
    CodeInfo {
        code: "GR0836",
        title: "somebody else is sending notices",
        explain: "One process at a time sends notices, so that none is sent twice. The other one sends what is due.",
    },
    CodeInfo {
        code: "GR0837",
        title: "there is no such notice",
        explain: "A notice is named by the event that it tells of, the rule, and the person (`12/turns/anna`); a post by the event and the rule. `greenroom notices` lists them.",
    },
    CodeInfo {
        code: "GR0850",
        title: "a function of the pilot cannot be switched on, or off",
        explain: "What a pack switches off is switched on again for a test only where the pack says so (`reopen = \"on request\"`) and how (`[on_request]` with statements to open and to close), until a time, with a reason on record. Closing runs its statements and asks the pack's assertions. Each new generation has it off again.",
    },
    CodeInfo {
        code: "GR0851",
        title: "what was named was not changed on the pilot",
        explain: "`greenroom changes note TABLE` and `TABLE=KEY` name tables and rows of configuration that were changed on the pilot since it was opened. The key is written as `greenroom changes` shows it, values of several columns with commas between them; where that is not enough, or the table has no key, the row's short name (`#1a2b3c4d`) stands for it. Nothing was put on record.",
    },
    CodeInfo {
        code: "GR0852",
        title: "an integration is never on on a pilot",
        explain: "`[integration.NAME]` in process.toml names with `pack` what switches the integration off on the pilot, and with `pilot` whether it may be switched on again for a test: `never`, the default, or `on-request`. `greenroom reopen` of a pack switches on all that it switched off, so one that never may be keeps the pack shut. Nothing was done.",
    },
    CodeInfo {
        code: "GR0865",
        title: "what stands did not pass when it was verified last",
        explain: "A gate of the kind `findings` counts what the run found that made the pilot: what was found when it was planned, and that its latest verification differs. `greenroom status` shows which differences those are; another rehearsal makes a pilot that is verified anew.",
    },
];
