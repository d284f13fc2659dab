//! `tenantry tenant watch`.

use futures::StreamExt as _;
use tenantry_proto::tenant::v1::{Change, WatchTenantsRequest};

use super::table;
use crate::{error::Error, session::Session, view::Column};

/// Prints each change as it comes; ends with the stream or with Ctrl-C.
pub(super) async fn run(session: &Session, name: String) -> Result<(), Error> {
    let request = WatchTenantsRequest { name };
    let (mut stream, line) = session
        .tenant()
        .await?
        .open(request, async |mut client, request| {
            client.watch_tenants(request).await
        })
        .await?;
    let mut is_first = true;
    while let Some(event) = stream.next().await {
        let event = event.map_err(|status| line.refused(status, String::new()))?;
        let mut view = table::view(event.tenant.as_slice(), jiff::Timestamp::now());
        view.columns.insert(0, Column::text("CHANGE"));
        for row in &mut view.rows {
            row.insert(0, word(event.change()).to_owned());
            pad(row);
        }
        session.out.stream(&event, &view, is_first)?;
        is_first = false;
    }
    session
        .out
        .talk("The service ended the watch; run the command again to go on.");
    Ok(())
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Unspecified => "UNKNOWN",
        Change::Added => "ADDED",
        Change::Modified => "MODIFIED",
        Change::Deleted => "DELETED",
    }
}

/// Rows come one at a time, so the columns people read first get a common width of their own.
fn pad(row: &mut [String]) {
    for (cell, width) in row.iter_mut().zip([8, 24, 12, 12, 10]) {
        *cell = format!("{cell:<width$}");
    }
}
