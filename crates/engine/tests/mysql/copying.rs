//! Reading under one moment while production writes, loading without loss, and what happens when either is cut.

use crate::scene::{copied, copy, copy_held, pass, plain, source, source_as};
use greenroom_engine::{ErrorKind, RangeSpec};
use greenroom_testkit::maria::{Binaries, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_readers_see_one_moment_while_production_moves_money() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("money");
    db.run("create table a (id int primary key, v int); create table b (id int primary key, v int)");
    db.run("insert into a select seq, 100 from seq_1_to_500; insert into b select seq, 100 from seq_1_to_500");
    let writer = {
        let db = db.clone();
        std::thread::spawn(move || {
            // Every transaction keeps the sum over both tables.
            let one = "start transaction; update a set v = v - 1 where id = 1 + rand() * 499; update b set v = v + row_count() where id = 7; commit;\n";
            let _ = db.try_run(&one.repeat(3000));
        })
    };
    for round in 0..4 {
        let mut source = source(&db).await;
        let tables = copied(&source.inspect().await.unwrap());
        let mut held = source.hold(&tables).await.unwrap();
        let made = copy_held(&db, held.as_mut(), &format!("m{round}")).await;
        held.release().await.unwrap();
        let pilot = server.existing(&made.name);
        assert_eq!(pilot.query("select (select sum(v) from a) + (select sum(v) from b)"), "100000", "round {round}");
    }
    writer.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_the_global_lock_holds_the_tables_and_one_without_any_lock_is_refused() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("rights");
    db.run("create table t (id int primary key); insert into t values (1), (2)");
    let grant = |rights: &str, user: &str| {
        db.run(&format!(
            "create or replace user {user}@localhost; grant {rights} on `{}`.* to {user}@localhost",
            db.name().replace('_', "\\_")
        ));
    };
    grant("select, lock tables, show view, trigger, event", "locker");
    grant("select", "reader");
    let mut source = source_as(&db, "locker").await;
    let tables = copied(&source.inspect().await.unwrap());
    let missing = source.missing_rights(&tables).await.unwrap();
    assert_eq!(missing.iter().map(|m| m.grant.as_str()).collect::<Vec<_>>(), ["grant process on *.* to 'locker'@'localhost';"]);
    let mut held = source.hold(&tables).await.unwrap();
    db.run("insert into t values (3)");
    assert_eq!(held.query_value("select count(*) from t").await.unwrap().as_deref(), Some("2"));
    held.release().await.unwrap();
    let mut source = source_as(&db, "reader").await;
    assert!(source.missing_rights(&tables).await.unwrap().len() >= 5);
    let refused = source.hold(&tables).await.map(drop).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied);
    assert!(refused.hint.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_the_server_would_drop_or_bend_are_an_error_without_values() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("bend");
    db.run("create table t (id int primary key, v varchar(20)); insert into t values (1, 'ann@x'), (2, 'ann@x, longer')");
    let made = copy(&db, "bend1").await;
    let pilot = server.existing(&made.name);
    for (change, object) in [
        ("truncate t; alter table t modify v varchar(5)", "column v"),
        ("truncate t; alter table t modify v varchar(20), add unique key by_v (v); insert into t values (9, 'ann@x')", "key by_v"),
    ] {
        pilot.run(change);
        pilot.run("delete from greenroom_range_done");
        let mut source = source(&db).await;
        let tables = copied(&source.inspect().await.unwrap());
        let mut held = source.hold(&tables).await.unwrap();
        let copy = plain(&held.inspect().await.unwrap().tables[0]);
        let mut target = crate::scene::target(&db).await;
        let mut inside = target.enter(&made.name).await.unwrap();
        let (mut reader, mut loader) = (held.reader().await.unwrap(), inside.loader().await.unwrap());
        let e = pass(reader.as_mut(), Some(loader.as_mut()), &copy, &RangeSpec::whole()).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Data, "{e}");
        assert_eq!(e.object.as_deref(), Some(object), "{e}");
        assert!(!format!("{e} {e:?}").contains("ann"), "{e:?}");
        assert!(inside.ranges_done().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loader_whose_connection_is_killed_leaves_nothing() {
    let server = greenroom_testkit::mariadb!();
    let db = server.database("kill");
    db.run("create table t (id int primary key, v varchar(200)); insert into t select seq, repeat('x', 200) from seq_1_to_20000");
    let mut source = source(&db).await;
    let tables = copied(&source.inspect().await.unwrap());
    let mut held = source.hold(&tables).await.unwrap();
    db.run("create table greenroom_script (a int); drop table greenroom_script");
    let made = copy(&db, "kill1").await;
    let pilot = server.existing(&made.name);
    pilot.run("delete from t; delete from greenroom_range_done");
    let catalog = held.inspect().await.unwrap();
    let copy = plain(&catalog.tables[0]);
    let mut target = crate::scene::target(&db).await;
    let mut inside = target.enter(&made.name).await.unwrap();
    let (mut reader, mut loader) = (held.reader().await.unwrap(), inside.loader().await.unwrap());
    let killer = {
        let pilot = pilot.clone();
        std::thread::spawn(move || {
            for _ in 0..400 {
                let id = pilot.query("select coalesce(max(id), 0) from information_schema.processlist where info like 'load data%'");
                if id != "0" {
                    return pilot.try_run(&format!("kill connection {id}")).is_ok();
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            false
        })
    };
    let cut = pass(reader.as_mut(), Some(loader.as_mut()), &copy, &RangeSpec::whole()).await;
    let killed = killer.join().unwrap();
    if cut.is_ok() {
        assert!(!killed, "the load survived its connection");
        return;
    }
    assert_eq!(cut.unwrap_err().kind, ErrorKind::Lost);
    drop(loader);
    assert!(inside.ranges_done().await.unwrap().is_empty());
    assert_eq!(pilot.query("select count(*) from t"), "0");
    let (mut reader, mut loader) = (held.reader().await.unwrap(), inside.loader().await.unwrap());
    assert_eq!(pass(reader.as_mut(), Some(loader.as_mut()), &copy, &RangeSpec::whole()).await.unwrap().rows, 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_local_infile_rows_arrive_by_insert() {
    let Ok(binaries) = Binaries::find() else { greenroom_testkit::skip!("no MariaDB server") };
    let server = Server::start(&binaries, &["--local-infile=0"]);
    let db = server.database("insert");
    db.run(
        r"create table t (id int primary key, v text, b blob, e enum('a','1'), bits bit(20), f float, g point, l varchar(9) character set latin1,
            u uuid, d datetime(6), w varchar(9) character set utf16);
          insert into t values (1, 'it''s \\ 😀', x'00ff5c0a27', '1', b'101', 16777215, point(0.1, 2), 'é€', uuid(), '2020-01-01 00:00:00.000001', 'ä'),
            (2, null, null, null, null, null, null, null, null, null, null), (3, '', '', 'a', 0, 0.1, null, '', null, '0000-00-00', '')",
    );
    copy(&db, "insert1").await;
}
