//! Image references as people type them: `web`, `docker.io/library/web:1`, `host:5000/team/web@sha256:…`, or an ID.

use std::fmt;

use crate::terms::Digest;

/// A reference with everything said that may be left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `sha256:<64 hex>`
    Id(String),
    Named(Named),
}

/// A repository with a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    domain: String,
    path: String,
    /// `:tag` or `@digest`; `:latest` if nothing is said.
    suffix: String,
}

impl Reference {
    /// The rules of distribution/reference, as far as they decide what is meant.
    pub fn parse(typed: &str) -> Option<Self> {
        let id = Digest::parse(typed).or_else(|| Digest::from_hex(typed));
        if let Some(id) = id {
            return Some(Self::Id(id.as_str().to_owned()));
        }
        let (name, suffix) = split_suffix(typed);
        let (domain, path) = split_domain(name);
        let good = !name.is_empty() && !path.ends_with('/') && !path.bytes().any(|b| b.is_ascii_uppercase());
        good.then_some(Self::Named(Named { domain, path, suffix }))
    }
}

/// A name as it stands in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name<'t> {
    named: Named,
    written: &'t str,
}

impl Reference {
    /// A name that is a reference, with or without a tag; an ID is none.
    pub fn parse_name(written: &str) -> Option<Name<'_>> {
        match Self::parse(written)? {
            Self::Named(named) => Some(Name { named, written }),
            Self::Id(_) => None,
        }
    }
}

impl Name<'_> {
    /// It stands there in full: with its domain, and with `library/`.
    // distribution/reference: ParseNamed
    pub fn is_canonical(&self) -> bool {
        split_suffix(self.written).0 == self.repository()
    }

    /// `docker.io/library/web`
    pub fn repository(&self) -> String {
        self.named.name()
    }

    /// With `:latest` if nothing is said.
    pub fn tagged(&self) -> String {
        self.named.tagged()
    }
}

impl Named {
    /// The repository, with its domain: `docker.io/library/web`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// It names a digest, not a tag.
    pub fn is_digest(&self) -> bool {
        self.digest().is_some()
    }

    pub fn digest(&self) -> Option<&str> {
        self.suffix.strip_prefix('@')
    }

    /// In full.
    pub fn tagged(&self) -> String {
        format!("{}{}", self.name(), self.suffix)
    }

    /// The short form, which `repositories.json` is keyed by.
    pub fn familiar(&self) -> String {
        let path = match self.path.strip_prefix("library/") {
            Some(rest) if self.domain == "docker.io" && !rest.contains('/') => rest,
            _ => &self.path,
        };
        if self.domain == "docker.io" {
            format!("{path}{}", self.suffix)
        } else {
            format!("{}/{path}{}", self.domain, self.suffix)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Named(Named { domain, path, suffix }) => write!(f, "{domain}/{path}{suffix}"),
        }
    }
}

/// A reference as people write it, without digest and without a tag that was not typed.
pub fn familiar(typed: &str) -> Option<String> {
    let named = typed.split_once('@').map_or(typed, |(named, _)| named);
    let tagged = matches!(named.rsplit_once(':'), Some((_, tag)) if !tag.contains('/'));
    match Reference::parse(named)? {
        Reference::Id(_) => None,
        Reference::Named(mut whole) => {
            if !tagged {
                whole.suffix.clear();
            }
            Some(whole.familiar())
        }
    }
}

/// Name and suffix. A digest goes before a tag: the tag is then dropped.
fn split_suffix(typed: &str) -> (&str, String) {
    let (named, digest) = match typed.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (typed, None),
    };
    // a colon before a slash belongs to a port
    let (name, tag) = match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (named, "latest"),
    };
    (name, digest.map_or_else(|| format!(":{tag}"), |digest| format!("@{digest}")))
}

fn split_domain(name: &str) -> (String, String) {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" || has_upper(first) => (first, rest),
        _ => ("docker.io", name),
    };
    let domain = if domain == "index.docker.io" { "docker.io" } else { domain };
    let path = if domain == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    (domain.to_owned(), path)
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}
