//! An AWS shared-credentials profile: where a secret goes instead of the screen.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use tempfile::NamedTempFile;

use crate::error::Error;

/// A file that is ready to take a profile, so that nothing is left to go wrong once the secret exists.
pub(crate) struct Prepared {
    path: PathBuf,
    profile: String,
    text: String,
    /// Beside the target and 0600 from its first moment.
    file: NamedTempFile,
}

/// Checks that `profile` is new in the file at `path` and that the file can be replaced.
pub(crate) fn prepare(path: PathBuf, profile: &str) -> Result<Prepared, Error> {
    if profile.is_empty() || profile.contains(['[', ']', '\n', '\r']) {
        return Err(Error::Usage(format!(
            "{profile:?} cannot be the name of a profile"
        )));
    }
    let failed = |action| {
        let path = path.clone();
        move |source| Error::File {
            action,
            path,
            source,
        }
    };
    // A link stays a link: its target is what is replaced.
    let path = fs::canonicalize(&path).unwrap_or_else(|_absent| path.clone());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("reading")(error)),
    };
    if text
        .lines()
        .any(|line| line.trim() == format!("[{profile}]"))
    {
        let path = path.display();
        return Err(Error::Usage(format!(
            "{path} has a profile {profile:?} already; choose another name or remove it first"
        )));
    }
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&folder).map_err(failed("making the folder of"))?;
    let file = NamedTempFile::new_in(&folder).map_err(failed("writing beside"))?;
    Ok(Prepared {
        path,
        profile: profile.to_owned(),
        text,
        file,
    })
}

impl Prepared {
    /// Adds the profile and puts the file in place; returns where.
    pub(crate) fn write(
        mut self,
        access_key_id: &str,
        secret_access_key: &str,
    ) -> Result<PathBuf, Error> {
        let path = self.path.clone();
        let failed = |source| Error::File {
            action: "writing",
            path: path.clone(),
            source,
        };
        let gap = if self.text.is_empty() || self.text.ends_with("\n\n") {
            ""
        } else if self.text.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        };
        let Self {
            text,
            profile,
            file,
            ..
        } = &mut self;
        write!(file, "{text}{gap}[{profile}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n")
            .and_then(|()| file.as_file().sync_all())
            .map_err(failed)?;
        self.file
            .persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_profile_joins_the_others_and_only_the_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aws/credentials");
        prepare(path.clone(), "bear")
            .unwrap()
            .write("AKIA1", "s1")
            .unwrap();
        prepare(path.clone(), "falcon")
            .unwrap()
            .write("AKIA2", "s2")
            .unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "[bear]\naws_access_key_id = AKIA1\naws_secret_access_key = s1\n\n\
             [falcon]\naws_access_key_id = AKIA2\naws_secret_access_key = s2\n"
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_taken_profile_is_refused_before_any_key_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        prepare(path.clone(), "falcon")
            .unwrap()
            .write("AKIA1", "s1")
            .unwrap();
        assert!(matches!(prepare(path, "falcon"), Err(Error::Usage(_))));
    }

    #[test]
    fn a_profile_name_cannot_break_the_file() {
        assert!(prepare(PathBuf::from("unused"), "a]\n[b").is_err());
    }
}
