//! How much is told of checkpoints and starts.

use super::made::assert_sane;
use super::stage::{Stage, add, checkpoint};
use crate::world::collector::{attributes, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_detail_level_says_which_spans_there_are() {
    let rows: [(&str, &[&str]); 4] = [
        ("SPAN_PER_CHECKPOINT", &[]),
        ("SPAN_PER_CHECKPOINT_WITH_TASKS", &[]),
        ("CHILDREN_SPANS_PER_TASK", &["Task"]),
        ("CHILDREN_SPANS_PER_SUBTASK", &["Task", "Subtask"]),
    ];
    for (level, below) in rows {
        let stage = Stage::new()
            .await
            .with("TRACES__CHECKPOINT__SPAN_DETAIL_LEVEL", level);
        let server = stage.registered().await;
        add(&server, "a", 1).await;
        checkpoint(&server).await;
        assert_eq!(server.terminate().code(), Some(0), "all spans were sent");
        for root in ["Checkpoint", "JobInitialization"] {
            let span = &stage.collector.until(root, 1).await[0];
            let lists = attributes(span)
                .into_keys()
                .filter(|key| key.starts_with("perTask"))
                .count();
            assert_eq!(
                lists > 0,
                level == "SPAN_PER_CHECKPOINT_WITH_TASKS",
                "{level} {root}"
            );
            for (what, count) in [("Task", 1), ("Subtask", 4)] {
                let found = stage.collector.named(&format!("{root}_{what}")).len();
                let expected = if below.contains(&what) { count } else { 0 };
                assert_eq!(found, expected, "{level}: {root}_{what}");
            }
        }
        assert_sane(&stage);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_after_a_stop_in_order_has_no_failure_and_builds_on_the_last_checkpoint() {
    let stage = Stage::new().await;
    let server = stage.registered().await;
    add(&server, "a", 1).await;
    checkpoint(&server).await;
    assert_eq!(server.terminate().code(), Some(0));
    let server = stage.server();
    let starts = stage.collector.until("JobInitialization", 2).await;
    assert!(
        !attributes(&starts[0]).contains_key("checkpointId"),
        "nothing was restored"
    );
    assert_eq!(text(&starts[1], "checkpointId"), "1");
    let made = &stage.collector.until("Checkpoint", 1).await[0];
    let linked: Vec<_> = starts[1].links.iter().map(|link| &link.span_id).collect();
    assert_eq!(linked, [&made.span_id]);
    assert_eq!(server.terminate().code(), Some(0));
    assert!(stage.collector.named("JobFailure").is_empty());
}
