//! Everything around one gateway: its folder with configuration, roster and keys, its readers, its lamps, and its lines
//! to the broker and the platform.

use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use data_encoding::HEXLOWER;
use schoolgate_core::{id::PlaceId, roster::Document, site::PlaceRole, text::Lang, time::Wall};
use tempfile::TempDir;

use crate::{
    campus::{Campus, Reader, Spot},
    gateway_process::{GatewayError, GatewayProcess},
    network::{Relay, Weather},
    school::School,
    virtual_lines::VirtualLines,
    virtual_reader::{Speaks, VirtualReader, VirtualReaderError},
};

/// What a scene is set with.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Who is who.
    pub school: School,
    /// What stands where.
    pub campus: Campus,
    /// The broker, which the gateway reaches through a relay.
    pub broker: Option<SocketAddr>,
    /// The platform, which the gateway reaches through a relay.
    pub platform: Option<SocketAddr>,
    /// When the gateway's clock starts and how many times faster than true time it runs; its machine's clock without it.
    pub clock: Option<(Wall, u32)>,
    /// The gateway's own language.
    pub lang: Lang,
    /// How long a lamp shows a decision, in milliseconds; the gateway's default without it.
    pub show_ms: Option<u32>,
}

/// A scene, in a folder of its own that goes with it.
#[derive(Debug)]
pub struct Scene {
    /// Who is who.
    pub school: School,
    /// What stands where.
    pub campus: Campus,
    /// The readers, in the campus's order.
    pub readers: Vec<VirtualReader>,
    /// The gates' lamps and locks.
    pub lines: Arc<VirtualLines>,
    /// The line to the broker.
    pub to_broker: Option<Relay>,
    /// The line to the platform.
    pub to_platform: Option<Relay>,
    folder: TempDir,
}

/// Why a scene could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The folder could not be made.
    #[error("no folder for temporary files could be made")]
    Folder(#[source] io::Error),
    /// A file could not be written.
    #[error("{0} can't be written")]
    Write(PathBuf, #[source] io::Error),
    /// The roster could not be written as JSON.
    #[error("the roster can't be written")]
    Roster(#[source] serde_json::Error),
    /// A reader could not be plugged in.
    #[error("a reader can't be plugged in")]
    Reader(#[from] VirtualReaderError),
    /// The lamps' socket could not be made.
    #[error("the lamps' socket can't be made")]
    Lines(#[source] io::Error),
    /// A relay could not be set up.
    #[error("the relay to {0} can't be set up")]
    Relay(SocketAddr, #[source] io::Error),
}

/// The gateway's access token at the platform. No secret: the platform is this process's own.
pub const PLATFORM_TOKEN: &str = "simulated-platform-token-0123456789";

impl Scene {
    /// Plugs the readers in, opens the lines, and writes the gateway's files. No gateway runs yet.
    pub async fn set(setting: Setting) -> Result<Self, SceneError> {
        let folder = TempDir::with_prefix("schoolgate-sim-").map_err(SceneError::Folder)?;
        let readers = plug_in(&setting.campus, folder.path())?;
        let lines = VirtualLines::listen(folder.path().join("lines.sock")).map_err(SceneError::Lines)?;
        let scene = Self {
            readers,
            lines: Arc::new(lines),
            to_broker: relay(setting.broker).await?,
            to_platform: relay(setting.platform).await?,
            school: setting.school,
            campus: setting.campus,
            folder,
        };
        scene.write_files(setting.clock, setting.lang, setting.show_ms)?;
        Ok(scene)
    }

    /// Starts a gateway here and waits until it reads every reader.
    pub async fn start_gateway(&self) -> Result<GatewayProcess, GatewayError> {
        self.readers.iter().for_each(VirtualReader::forget_exclusive_use);
        let mut gateway = GatewayProcess::start(&self.config(), &self.log())?;
        let devices: Vec<PathBuf> = self.readers.iter().map(|reader| reader.path().to_owned()).collect();
        gateway.wait_until_open(&devices).await?;
        Ok(gateway)
    }

    /// Wires an input of this kind at a place, by the contact `{place}.{kind}` to ground; for the gateway's next start.
    pub fn wire_input(&self, place: &PlaceId, kind: &str) -> Result<(), SceneError> {
        let socket = self.lines.path().display();
        let mut text = fs::read_to_string(self.config()).map_err(|error| SceneError::Write(self.config(), error))?;
        add(
            &mut text,
            format_args!(
                "[[input]]\nplace = \"{place}\"\nkind = \"{kind}\"\nline = \"{place}.{kind}\"\n\
                 backend = \"simulated\"\nsocket = \"{socket}\""
            ),
        );
        self.write("gate.toml", text.as_bytes())
    }

    /// Changes what the lines to broker and platform do.
    pub fn set_weather(&self, weather: Weather) {
        self.to_broker.iter().chain(&self.to_platform).for_each(|relay| relay.set(weather));
    }

    /// The scene's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The gateway's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("gate.toml")
    }

    /// The gateway's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of the gateway's ledger.
    pub fn ledger(&self) -> PathBuf {
        self.data().join("ledger")
    }

    /// The gateway's log, of all its runs.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    /// Keeps the folder when the scene goes, for somebody to look into; returns where it is.
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Leaves a roster for the gateway, whole or not at all, as whoever brings one must.
    pub fn write_roster(&self, document: &Document) -> Result<(), SceneError> {
        let roster = serde_json::to_vec(document).map_err(SceneError::Roster)?;
        self.write("roster.new", &roster)?;
        let (from, to) = (self.folder.path().join("roster.new"), self.folder.path().join("roster.json"));
        fs::rename(from, &to).map_err(|error| SceneError::Write(to, error))
    }

    fn write_files(&self, clock: Option<(Wall, u32)>, lang: Lang, show_ms: Option<u32>) -> Result<(), SceneError> {
        let key = HEXLOWER.encode(&self.school.card_key);
        fs::create_dir_all(self.data()).map_err(|error| SceneError::Write(self.data(), error))?;
        self.write_roster(&self.school.document())?;
        self.write("card.key", key.as_bytes())?;
        self.write("platform.token", PLATFORM_TOKEN.as_bytes())?;
        self.write("gate.toml", self.config_text(clock, lang, show_ms).as_bytes())
    }

    /// Writes a file that only its owner may read.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), SceneError> {
        let path = self.folder.path().join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| io::Write::write_all(&mut file, content));
        written.map_err(|error| SceneError::Write(path, error))
    }

    fn config_text(&self, clock: Option<(Wall, u32)>, lang: Lang, show_ms: Option<u32>) -> String {
        let Campus { school, gateway, spots, readers } = &self.campus;
        let folder = self.folder.path().display();
        let lang = match lang {
            Lang::Zh => "zh",
            Lang::En => "en",
        };
        let mut text = format!(
            "[gateway]\nschool = \"{school}\"\nid = \"{gateway}\"\ndata_dir = \"{folder}/data\"\n\
             roster = \"{folder}/roster.json\"\ncard_key_file = \"{folder}/card.key\"\nlanguage = \"{lang}\"\n"
        );
        spots.iter().for_each(|spot| add_spot(&mut text, spot, self.lines.path(), show_ms));
        for (Reader { id, place, .. }, port) in readers.iter().zip(&self.readers) {
            let (kind, port) = (port.speaks().kind(), port.path().display());
            add(
                &mut text,
                format_args!("[[reader]]\nid = \"{id}\"\nplace = \"{place}\"\nkind = \"{kind}\"\nport = \"{port}\""),
            );
        }
        if let Some(relay) = &self.to_broker {
            let (host, port) = (relay.addr().ip(), relay.addr().port());
            add(&mut text, format_args!("[mqtt]\nhost = \"{host}\"\nport = {port}\ntls = false\nkeep_alive_s = 5"));
        }
        if let Some(relay) = &self.to_platform {
            let addr = relay.addr();
            let token = format!("token_file = \"{folder}/platform.token\"");
            add(&mut text, format_args!("[platform]\nurl = \"http://{addr}\"\n{token}\ntimeout_s = 5"));
        }
        if let Some((start, speed)) = clock {
            add(&mut text, format_args!("[clock]\nsource = \"simulated\"\nstart = \"{start}\"\nspeed = {speed}"));
        }
        text
    }
}

fn add_spot(text: &mut String, spot: &Spot, socket: &Path, show_ms: Option<u32>) {
    let Spot { id, role, name } = spot;
    let (role, release) = match role {
        PlaceRole::Gate => ("gate", format!("release_line = \"{id}.release\"\n")),
        PlaceRole::HandoverDesk => ("handover_desk", String::new()),
        PlaceRole::Classroom => ("classroom", String::new()),
        PlaceRole::Canteen => ("canteen", String::new()),
        PlaceRole::PatrolPoint => ("patrol_point", String::new()),
        PlaceRole::AssemblyPoint => ("assembly_point", String::new()),
    };
    let (zh, en, socket) = (&name.zh, &name.en, socket.display());
    add(text, format_args!("[[place]]\nid = \"{id}\"\nrole = \"{role}\"\nname_zh = \"{zh}\"\nname_en = \"{en}\""));
    let lamps = "green amber red".split(' ').map(|lamp| format!("lamp_{lamp}_line = \"{id}.{lamp}\"\n"));
    let lamps: String = lamps.collect();
    let show = show_ms.map(|ms| format!("show_ms = {ms}\n")).unwrap_or_default();
    add(
        text,
        format_args!(
            "[[gate]]\nplace = \"{id}\"\nbackend = \"simulated\"\nsocket = \"{socket}\"\n{release}{lamps}{show}"
        ),
    );
}

fn add(text: &mut String, section: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "\n{section}"); // writing to a String can't fail
}

fn plug_in(campus: &Campus, folder: &Path) -> Result<Vec<VirtualReader>, SceneError> {
    let plug = |reader: &Reader| {
        // As schools have them: what was bought later is of another kind, and reads the same cards.
        let speaks = if reader.role == PlaceRole::HandoverDesk { Speaks::Em18 } else { Speaks::Rdm6300 };
        VirtualReader::plug_in_as(speaks, folder.join(format!("tty-{}", reader.id)))
    };
    Ok(campus.readers.iter().map(plug).collect::<Result<_, _>>()?)
}

async fn relay(target: Option<SocketAddr>) -> Result<Option<Relay>, SceneError> {
    let Some(target) = target else { return Ok(None) };
    Relay::to(target).await.map(Some).map_err(|error| SceneError::Relay(target, error))
}

#[cfg(test)]
mod tests {
    use schoolgate::config;

    use super::*;

    #[tokio::test]
    async fn the_gateway_takes_the_configuration_and_the_roster() {
        let scene = Scene::set(Setting {
            school: School::generate(1, 20),
            campus: Campus::for_students(20),
            broker: Some(([127, 0, 0, 1], 1_883).into()),
            platform: Some(([127, 0, 0, 1], 8_080).into()),
            clock: Some(("2026-09-01T15:50:00+08:00".parse().unwrap(), 120)),
            lang: Lang::Zh,
            show_ms: Some(200),
        });
        let scene = scene.await.unwrap();
        let loaded = config::load(&scene.config(), Lang::En).map_err(|error| error.render(Lang::En)).unwrap();
        assert_eq!(loaded.config.readers.len(), scene.readers.len());
        assert_eq!(loaded.config.gates.len(), scene.campus.spots.len());
        assert!(loaded.config.mqtt.is_some() && loaded.config.platform.is_some());
    }
}
