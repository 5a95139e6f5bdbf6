//! Steps: copying tables, in parallel, in ranges, masked in flight; ranges of an earlier process are compared with the present snapshot and
//! copied again where they differ (P2).

use super::masker::{build_masker, table_gone};
use super::{Execution, RunError, RunLog, Setup, StepError, failure, failure_of};
use crate::ports::Notice;
use greenroom_engine::batch::RowMasker;
use greenroom_engine::{Disturbance, EngineError, Generation, Loader, RangeDone, RangeSpec, Reader};
use greenroom_model::catalog::Catalog;
use greenroom_model::plan::{Action, Plan, StepKey};
use greenroom_model::run::{Body, Outcome, StepState};
use greenroom_model::verify::TableDigest;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One range to be copied, or to be compared if it was copied before.
struct Item {
    step: StepKey,
    table: usize,
    range: RangeSpec,
    before: Option<RangeDone>,
}

/// How far one table is.
#[derive(Default)]
struct Tally {
    started: bool,
    begun: u64,
    left: u32,
    of: u32,
    digest: TableDigest,
    bytes: u64,
    again: u32,
}

/// What the workers share.
struct Shared {
    plan: Arc<Plan>,
    setup: Arc<Setup>,
    log: RunLog,
    catalog: Catalog,
    queue: Mutex<VecDeque<Item>>,
    tallies: Mutex<BTreeMap<StepKey, Tally>>,
    generation: AsyncMutex<Box<dyn Generation>>,
    stop: CancellationToken,
}

impl Execution {
    pub(super) async fn copy_tables(&mut self, keys: Vec<StepKey>) -> Result<(), (StepKey, StepError)> {
        let first = keys[0].clone();
        let at_first = |e: StepError| (first.clone(), e);
        let catalog = self.source_catalog().map_err(at_first)?;
        self.generation().await.map_err(at_first)?;
        let mut generation = self.inside.take().expect("entered just above");
        let prepared = self.prepare(&keys, generation.as_mut(), &catalog).await;
        let (queue, tallies) = match prepared {
            Ok(p) => p,
            Err(e) => {
                self.inside = Some(generation);
                return Err(at_first(e));
            }
        };
        let shared = Arc::new(Shared {
            plan: self.plan.clone(),
            setup: self.setup.clone(),
            log: self.log.clone(),
            catalog,
            queue: Mutex::new(queue),
            tallies: Mutex::new(tallies),
            generation: AsyncMutex::new(generation),
            stop: self.setup.cancel.child_token(),
        });
        let result = self.work(&shared, &first).await;
        // Workers are gone by now; the generation comes back for the steps that follow.
        match Arc::try_unwrap(shared) {
            Ok(shared) => self.inside = Some(shared.generation.into_inner()),
            Err(_) => self.inside = None,
        }
        result
    }

    /// Lists the ranges of every table: what was done before first, gaps between, or a fresh cut.
    async fn prepare(
        &mut self,
        keys: &[StepKey],
        generation: &mut dyn Generation,
        catalog: &Catalog,
    ) -> Result<(VecDeque<Item>, BTreeMap<StepKey, Tally>), StepError> {
        let plan = self.plan.clone();
        let aim = self.setup.program.copy.range_rows;
        let mut done: BTreeMap<_, Vec<RangeDone>> = BTreeMap::new();
        for r in generation.ranges_done().await? {
            done.entry(r.table.clone()).or_default().push(r);
        }
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let mut queue = VecDeque::new();
        let mut tallies = BTreeMap::new();
        for key in keys {
            let Some(Action::CopyTable { table }) = plan.step(key).map(|s| &s.action) else { continue };
            let copy = &plan.tables[*table];
            if catalog.table(&copy.table).is_none() {
                return Err(table_gone(copy));
            }
            let mut before = done.remove(&copy.table).unwrap_or_default();
            if before.iter().any(|r| r.range.physical) {
                // Physical positions mean nothing under another snapshot: the table starts again (P4).
                self.log.record(Body::StepStarted { step: key.clone() })?;
                generation.forget_table(copy).await?;
                before.clear();
            }
            let items: Vec<(RangeSpec, Option<RangeDone>)> = if copy.empty {
                Vec::new()
            } else if before.is_empty() {
                spaced(held.ranges(copy, aim).await?).into_iter().map(|r| (r, None)).collect()
            } else {
                with_gaps(before)
            };
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            tallies.insert(key.clone(), Tally { left: count, of: count, ..Tally::default() });
            if items.is_empty() {
                self.log.record(Body::StepStarted { step: key.clone() })?;
                let outcome = Outcome { rows: Some(0), bytes: Some(0), digest: Some(TableDigest::default()), ..Outcome::default() };
                self.log.record(Body::StepFinished { step: key.clone(), outcome })?;
            }
            queue.extend(items.into_iter().map(|(range, before)| Item { step: key.clone(), table: *table, range, before }));
        }
        Ok((queue, tallies))
    }

    async fn work(&mut self, shared: &Arc<Shared>, first: &StepKey) -> Result<(), (StepKey, StepError)> {
        let at_first = |e: EngineError| (first.clone(), StepError::from(e));
        let items = shared.queue.lock().expect("no thread panics while it holds the queue").len();
        let most = self.target.capabilities().await.map_err(at_first)?.max_readers.max(1);
        let wanted = shared.setup.program.copy.workers.unwrap_or(most).max(1) as usize;
        let held = self.held.as_mut().expect("the driver holds the snapshot before steps that need it");
        let mut tasks: JoinSet<Result<(), (StepKey, StepError)>> = JoinSet::new();
        for n in 0..wanted.min(items) {
            let reader = match held.reader().await {
                Ok(r) => r,
                // Engines without shared snapshots give one reader; that one does all the work.
                Err(_) if n > 0 => break,
                Err(e) => return Err(at_first(e)),
            };
            let loader = match shared.plan.copies_whole() {
                true => None,
                false => Some(shared.generation.lock().await.loader().await.map_err(at_first)?),
            };
            tasks.spawn(worker(shared.clone(), reader, loader));
        }
        let mut error: Option<(StepKey, StepError)> = None;
        let patience = u64::from(shared.setup.program.copy.give_way_seconds);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                joined = tasks.join_next() => match joined {
                    None => break,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(e))) => {
                        shared.stop.cancel();
                        // The first real error counts; what follows is the others stopping.
                        if error.as_ref().is_none_or(|(_, e)| matches!(e, StepError::Stopped)) { error = Some(e); }
                    }
                    Some(Err(e)) => {
                        shared.stop.cancel();
                        error.get_or_insert((first.clone(), failure("GR0710", format!("a worker died: {e}")).into()));
                    }
                },
                _ = tick.tick() => if error.is_none() {
                    let disturbed = held.disturbed().await;
                    if let Some(f) = match disturbed {
                        Ok(None) => None,
                        Ok(Some(d)) => give_way(&d, patience),
                        Err(e) => Some(failure_of(&e)),
                    } {
                        shared.stop.cancel();
                        error = Some((first.clone(), f.into()));
                    }
                },
            }
        }
        match error {
            Some((step, e)) => {
                // The step that is blamed must have been started.
                if !matches!(self.log.state().steps.get(&step), Some(StepState::Started)) && matches!(e, StepError::Failed(_)) {
                    self.log.record(Body::StepStarted { step: step.clone() }).map_err(|e| (step.clone(), StepError::Dead(e)))?;
                }
                Err((step, e))
            }
            None => Ok(()),
        }
    }
}

/// Whether a disturbance means giving way, and how that is said.
pub(super) fn give_way(d: &Disturbance, patience: u64) -> Option<greenroom_model::run::Failure> {
    match d {
        Disturbance::SchemaChangeWaits { seconds, .. } if *seconds < patience => None,
        Disturbance::SchemaChangeWaits { who, table, seconds } => {
            let mut f = failure("GR0506", format!("gave way: {who} has waited {seconds} s to change `{table}` in production"));
            f.hint =
                Some("production goes on; when the change is done, `greenroom resume` if the schema is the same, else plan again".into());
            Some(f)
        }
        Disturbance::SnapshotLost => {
            let mut f = failure("GR0507", "the session that held the source's snapshot is gone");
            f.hint = Some("`greenroom resume` takes a new snapshot and copies only what differs".into());
            Some(f)
        }
    }
}

/// Distance between the ordinals of neighbouring ranges, so that a gap between two finished ones can be numbered in order.
const SPACING: u32 = 1024;

/// Numbers a fresh cut in order, with room between.
fn spaced(ranges: Vec<RangeSpec>) -> Vec<RangeSpec> {
    let number = |i: usize| u32::try_from(i + 1).unwrap_or(u32::MAX).saturating_mul(SPACING);
    ranges.into_iter().enumerate().map(|(i, r)| RangeSpec { ordinal: number(i), ..r }).collect()
}

/// Finished ranges in order, with one range for every gap before, between and after them. A gap's number depends only on its neighbours.
fn with_gaps(mut done: Vec<RangeDone>) -> Vec<(RangeSpec, Option<RangeDone>)> {
    done.sort_by_key(|d| d.range.ordinal);
    let gap = |ordinal: u32, from: Option<String>, to: Option<String>| (RangeSpec { ordinal, from, to, physical: false }, None);
    let mut all: Vec<(RangeSpec, Option<RangeDone>)> = Vec::new();
    let mut last: Option<RangeSpec> = None;
    for d in done {
        let (below, reached) = last.as_ref().map_or((0, None), |l| (l.ordinal, l.to.clone()));
        // At the very beginning `None` means open below, which only an equally open range reaches.
        if reached != d.range.from {
            all.push(gap(below.midpoint(d.range.ordinal), reached, d.range.from.clone()));
        }
        last = Some(d.range.clone());
        all.push((d.range.clone(), Some(d)));
    }
    if let Some(RangeSpec { ordinal, to: Some(end), .. }) = last {
        all.push(gap(ordinal.saturating_add(SPACING), Some(end), None));
    }
    all
}

/// Takes ranges off the queue until it is empty.
async fn worker(s: Arc<Shared>, mut reader: Box<dyn Reader>, mut loader: Option<Box<dyn Loader>>) -> Result<(), (StepKey, StepError)> {
    let mut maskers: BTreeMap<usize, RowMasker> = BTreeMap::new();
    loop {
        let item = s.queue.lock().expect("no thread panics while it holds the queue").pop_front();
        let Some(item) = item else { return Ok(()) };
        let step = item.step.clone();
        if let Err(e) = range(&s, &item, &mut maskers, reader.as_mut(), loader.as_deref_mut()).await {
            return Err((step, e));
        }
    }
}

/// One range; without a loader it is only read.
async fn range(
    s: &Shared,
    item: &Item,
    maskers: &mut BTreeMap<usize, RowMasker>,
    reader: &mut dyn Reader,
    loader: Option<&mut (dyn Loader + '_)>,
) -> Result<(), StepError> {
    let copy = &s.plan.tables[item.table];
    start(s, item)?;
    let masker = match maskers.entry(item.table) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => {
            let table = s.catalog.table(&copy.table).ok_or_else(|| table_gone(copy))?;
            let prepared = reader.prepare(copy).await?;
            free.insert(build_masker(copy, table, prepared, &s.setup.keys)?)
        }
    };
    let Some(loader) = loader else {
        let done = pour(s, item, masker, reader, None).await?;
        return finish(s, item, &done, false);
    };
    if let Some(before) = &item.before {
        let mut digest = TableDigest::default();
        reader.begin(copy, &item.range).await?;
        while let Some(batch) = reader.next().await? {
            masker.pass(batch, &mut digest)?;
        }
        if digest == before.digest {
            return finish(s, item, &before.clone(), false);
        }
        s.generation.lock().await.forget_range(copy, &item.range).await?;
    }
    loader.begin(copy, &item.range).await?;
    match pour(s, item, masker, reader, Some(&mut *loader)).await {
        Ok(done) => finish(s, item, &done, item.before.is_some()),
        Err(e) => {
            // The session may be gone already; what was not committed does not stay.
            let _ = loader.discard().await;
            Err(e)
        }
    }
}

/// Moves one range's rows and commits them together with the record of the range; without a loader they are only counted and digested.
async fn pour(
    s: &Shared,
    item: &Item,
    masker: &RowMasker,
    reader: &mut dyn Reader,
    mut loader: Option<&mut (dyn Loader + '_)>,
) -> Result<RangeDone, StepError> {
    let copy = &s.plan.tables[item.table];
    let mut digest = TableDigest::default();
    let mut bytes = 0u64;
    let begun = s.setup.clock.millis();
    reader.begin(copy, &item.range).await?;
    while let Some(batch) = reader.next().await? {
        if s.stop.is_cancelled() {
            return Err(StepError::Stopped);
        }
        let batch = masker.pass(batch, &mut digest)?;
        let (rows, size) = (batch.rows(), batch.data().len() as u64);
        if let Some(loader) = &mut loader {
            loader.push(batch).await?;
        }
        bytes += size;
        s.setup.observer.notice(Notice::Rows { step: item.step.clone(), rows, bytes: size });
        if let Some(rate) = s.setup.program.copy.max_bytes_per_second {
            let due = bytes.saturating_mul(1000) / rate.max(1);
            let spent = s.setup.clock.millis().saturating_sub(begun);
            if due > spent {
                tokio::time::sleep(Duration::from_millis(due - spent)).await;
            }
        }
    }
    let done = RangeDone { table: copy.table.clone(), range: item.range.clone(), digest, bytes };
    if let Some(loader) = loader {
        loader.commit(&done).await?;
    }
    Ok(done)
}

/// Writes the intent of a table's copy before its first range.
fn start(s: &Shared, item: &Item) -> Result<(), RunError> {
    let mut tallies = s.tallies.lock().expect("no thread panics while it holds the tallies");
    let tally = tallies.entry(item.step.clone()).or_default();
    if !tally.started {
        tally.started = true;
        tally.begun = s.setup.clock.millis();
        s.log.record(Body::StepStarted { step: item.step.clone() })?;
        let title = s.plan.step(&item.step).map(|p| p.title.clone()).unwrap_or_default();
        s.setup.observer.notice(Notice::StepBegins { step: item.step.clone(), title });
    }
    Ok(())
}

/// Counts a range as done; with the last one the table is.
fn finish(s: &Shared, item: &Item, done: &RangeDone, again: bool) -> Result<(), StepError> {
    let mut tallies = s.tallies.lock().expect("no thread panics while it holds the tallies");
    let tally = tallies.entry(item.step.clone()).or_default();
    tally.left = tally.left.saturating_sub(1);
    tally.digest.merge(&done.digest);
    tally.bytes += done.bytes;
    tally.again += u32::from(again);
    let step = item.step.clone();
    let body =
        Body::RangeCopied { step: step.clone(), ordinal: item.range.ordinal, of: tally.of, rows: done.digest.rows, bytes: done.bytes };
    s.log.record(body)?;
    if tally.left > 0 {
        return Ok(());
    }
    let mut outcome = Outcome {
        millis: s.setup.clock.millis().saturating_sub(tally.begun),
        rows: Some(tally.digest.rows),
        bytes: Some(tally.bytes),
        digest: Some(tally.digest),
        ..Outcome::default()
    };
    if tally.again > 0 {
        outcome.notes.push(format!("{} ranges had changed under the new snapshot and were copied again", tally.again));
    }
    s.setup.observer.notice(Notice::StepEnds { step: step.clone(), outcome: outcome.clone() });
    s.log.record(Body::StepFinished { step, outcome })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::catalog::TableName;

    fn done(ordinal: u32, from: Option<&str>, to: Option<&str>) -> RangeDone {
        RangeDone {
            table: TableName::new("main", "t"),
            range: RangeSpec { ordinal, from: from.map(Into::into), to: to.map(Into::into), physical: false },
            digest: TableDigest::default(),
            bytes: 0,
        }
    }

    fn bounds(done: Vec<RangeDone>) -> Vec<(Option<String>, Option<String>, bool)> {
        with_gaps(done).into_iter().map(|(r, b)| (r.from, r.to, b.is_some())).collect()
    }

    #[test]
    fn gaps_between_finished_ranges_are_filled_and_nothing_twice() {
        let s = |t: &str| Some(t.to_owned());
        assert_eq!(
            bounds(vec![done(3, Some("30"), Some("40")), done(1, Some("10"), Some("20"))]),
            [(None, s("10"), false), (s("10"), s("20"), true), (s("20"), s("30"), false), (s("30"), s("40"), true), (s("40"), None, false)]
        );
    }

    #[test]
    fn a_filled_gap_keeps_its_place_at_the_next_resume() {
        let finished: Vec<RangeDone> = spaced(vec![RangeSpec::whole(); 4])
            .into_iter()
            .zip([(None, Some("10")), (Some("10"), Some("20")), (Some("20"), Some("30")), (Some("30"), None)])
            .map(|(r, (from, to))| done(r.ordinal, from, to))
            .collect();
        let mut left = vec![finished[0].clone(), finished[2].clone()];
        let gaps: Vec<RangeSpec> = with_gaps(left.clone()).into_iter().filter(|(_, b)| b.is_none()).map(|(r, _)| r).collect();
        assert_eq!(gaps.len(), 2);
        left.extend(gaps.iter().map(|g| done(g.ordinal, g.from.as_deref(), g.to.as_deref())));
        assert!(with_gaps(left).iter().all(|(_, b)| b.is_some()));
    }

    #[test]
    fn a_whole_or_open_ended_range_leaves_no_gap_after_it() {
        assert_eq!(bounds(vec![done(0, None, None)]), [(None, None, true)]);
        assert_eq!(
            bounds(vec![done(0, None, Some("5")), done(1, Some("5"), None)]),
            [(None, Some("5".to_owned()), true), (Some("5".to_owned()), None, true)]
        );
    }
}
