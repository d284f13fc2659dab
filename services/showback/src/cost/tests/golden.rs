use super::*;

/// V1: AWS split cost allocation, one m5.xlarge hour at $1; quantities are already the larger of request and use.
fn v1() -> Observed {
    let hour = span(0, 3_600);
    let usages = [
        ("ns1", 1_000, 4),
        ("ns2", 1_900, 6),
        ("ns1", 1_000, 2),
        ("ns2", 1_000, 2),
    ];
    Observed {
        nodes: vec![node("n", hour, 4, 16)],
        usages: usages
            .map(|(ns, cpu, gib)| usage("n", ns, hour, cpu, gib))
            .to_vec(),
        ownerships: vec![ownership("ns1", "ns1", hour), ownership("ns2", "ns2", hour)],
    }
}

fn costs(tally: &Tally) -> Vec<(String, Each<BigRational>)> {
    tally
        .lines
        .iter()
        .map(|(key, line)| (key.owner.to_string(), line.cost.clone()))
        .collect()
}

fn totals(tally: &Tally) -> Vec<(String, BigRational)> {
    let sum = |cost: Each<BigRational>| cost.into_array().into_iter().sum();
    costs(tally)
        .into_iter()
        .map(|(owner, cost)| (owner, sum(cost)))
        .collect()
}

#[test]
fn v1_split_is_aws_own_to_the_last_fraction() {
    let hour = span(0, 3_600);
    let tally = tally(
        &v1(),
        &book("1"),
        hour,
        Grouping::default(),
        IdleSharing::Separate,
    )
    .unwrap();
    let expected = [
        // Pod1 + Pod3 and Pod2 + Pod4; AWS' CPU ratios of 4.9 vCPU asked of 4.
        ("ns1", rational(139, 637) + rational(229, 1274)),
        ("ns2", rational(489, 1274) + rational(229, 1274)),
        ("__idle__", rational(1, 26)),
    ];
    assert_eq!(
        totals(&tally),
        expected.map(|(owner, cost)| (owner.to_owned(), cost))
    );
    let idle = &costs(&tally)[2].1;
    assert_eq!(
        idle.cpu,
        rational(0, 1),
        "4.9 vCPU of 4 leave none idle, and not less than none"
    );
    assert_eq!(tally.node_cost, rational(1, 1));
}

#[test]
fn v1_with_idle_shared_out_is_the_published_table() {
    let hour = span(0, 3_600);
    let tally = tally(
        &v1(),
        &book("1"),
        hour,
        Grouping::default(),
        IdleSharing::ByNode,
    )
    .unwrap();
    let expected = [
        ("ns1", rational(264, 637)),
        ("ns2", rational(373, 637)),
        ("__idle__", rational(0, 1)),
    ];
    assert_eq!(
        totals(&tally),
        expected.map(|(owner, cost)| (owner.to_owned(), cost))
    );
}

#[test]
fn rounded_rows_add_up_to_the_hour() {
    let hour = span(0, 3_600);
    let tally = tally(
        &v1(),
        &book("1"),
        hour,
        Grouping::default(),
        IdleSharing::ByNode,
    )
    .unwrap();
    let report = Report::of(tally, None);
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| row.total.to_string())
        .collect();
    assert_eq!(rows, ["0.5855572998", "0.4144427002", "0.0000000000"]);
    assert_eq!(report.total.to_string(), "1.0000000000");
}

#[test]
fn a_second_belongs_to_the_tenant_of_that_second() {
    let window = span(0, 100);
    let observed = Observed {
        nodes: vec![node("n", window, 1, 1)],
        usages: vec![usage("n", "ns", window, 1_000, 1)],
        ownerships: vec![
            ownership("ns", "first", span(10, 40)),
            ownership("ns", "second", span(40, 50)),
        ],
    };
    let grouping = Grouping {
        is_by_namespace: true,
        is_by_day: false,
    };
    let tally = tally(
        &observed,
        &book("36"),
        window,
        grouping,
        IdleSharing::Separate,
    )
    .unwrap();
    let expected = [
        ("first", 30),
        ("second", 10),
        ("__unallocated__", 60),
        ("__idle__", 0),
    ];
    let expected = expected.map(|(owner, cents)| (owner.to_owned(), rational(cents, 100)));
    assert_eq!(totals(&tally), expected);
}

#[test]
fn a_pod_of_no_length_costs_nothing_and_is_listed() {
    let window = span(0, 100);
    let observed = Observed {
        nodes: vec![node("n", window, 1, 1)],
        usages: vec![usage("n", "ns", span(50, 50), 1_000, 1)],
        ownerships: vec![ownership("ns", "t", window)],
    };
    let tally = tally(
        &observed,
        &book("36"),
        window,
        Grouping::default(),
        IdleSharing::Separate,
    )
    .unwrap();
    let expected = [("t", rational(0, 1)), ("__idle__", rational(1, 1))];
    assert_eq!(
        totals(&tally),
        expected.map(|(owner, cost)| (owner.to_owned(), cost))
    );
}

#[test]
fn days_are_cut_at_midnight() {
    let window = span(DAY_SECONDS - 1_800, DAY_SECONDS + 3_600);
    let observed = Observed {
        nodes: vec![node("n", window, 1, 1)],
        usages: vec![usage("n", "ns", window, 1_000, 1)],
        ownerships: vec![ownership("ns", "t", window)],
    };
    let grouping = Grouping {
        is_by_namespace: false,
        is_by_day: true,
    };
    let tally = tally(
        &observed,
        &book("1"),
        window,
        grouping,
        IdleSharing::Separate,
    )
    .unwrap();
    let report = Report::of(tally, Some(&tenant("t")));
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            (
                row.key.day.unwrap().to_string(),
                row.total.to_string(),
                row.hours.cpu.to_string(),
            )
        })
        .collect();
    let row =
        |day: &str, cost: &str, hours: &str| (day.to_owned(), cost.to_owned(), hours.to_owned());
    assert_eq!(
        rows,
        [
            row("1970-01-02", "1.0000000000", "1.0000000000"),
            row("1970-01-01", "0.5000000000", "0.5000000000"),
        ]
    );
}
