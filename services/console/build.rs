//! Makes the crate compile without the web app: building that is `cargo dev`'s part, as it needs Node.
use std::{fs, io, path::Path};

const MISSING: &str = "<!doctype html>\n<html lang=\"en\"><title>Tenantry</title>\n\
    <p>The web app is not built. Run <code>npm ci && npm run build</code> in services/console/web, then build again.</p></html>\n";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=web/dist");
    let index = Path::new("web/dist/index.html");
    if !index.exists() {
        fs::create_dir_all("web/dist")?;
        fs::write(index, MISSING)?;
    }
    Ok(())
}
