//! The OpenAPI document: made from the routes, the types of the answers and the field table.

use lanternfish_model::{FieldSpec, FieldTable, Keep, Kind, Place};
use utoipa::PartialSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OneOfBuilder, OpenApi, Ref, RefOr, SecurityRequirement};

use crate::session::COOKIE;

/// The document of the whole interface for the fields of a table.
pub fn document(table: &FieldTable) -> OpenApi {
    let (_, mut document) = crate::routes::all().split_for_parts();
    document.info.title = "Lanternfish".to_owned();
    document.info.description = Some(DESCRIPTION.to_owned());
    document.info.license =
        Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build());
    document.info.contact = None;
    let components = document.components.get_or_insert_default();
    components.schemas.insert(ENTRY.to_owned(), entry(table).into());
    for (name, schema) in crate::live::messages() {
        components.schemas.insert(name.to_owned(), schema);
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.security_schemes.insert("token".to_owned(), bearer.into());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
    components.security_schemes.insert("session".to_owned(), cookie.into());
    let none = SecurityRequirement::default();
    let any = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    document.security = Some(vec![none, any("token"), any("session")]);
    document
}

/// A reference to the schema of entries.
pub(crate) fn entry_reference() -> RefOr<Schema> {
    Ref::from_schema_name(ENTRY).into()
}

/// A list of entries.
pub(crate) fn entries_reference() -> RefOr<Schema> {
    ArrayBuilder::new().items(Ref::from_schema_name(ENTRY)).into()
}

/// The schema of an entry: names nest at their dots, as the JSON writer nests them.
fn entry(table: &FieldTable) -> Schema {
    let mut root = Node::default();
    let shown = table.iter().filter(|(_, spec, place)| !matches!(place, Place::Word { .. }) && spec.pending.is_empty());
    for (_, spec, _) in shown {
        root.insert(spec);
    }
    let mut object = root.object();
    for name in ALWAYS {
        object = object.required(*name);
    }
    let object = object.description(Some(ENTRY_DESCRIPTION)).build();
    Schema::Object(object)
}

/// A name with a value, or with names below it.
#[derive(Default)]
struct Node<'t> {
    spec: Option<&'t FieldSpec>,
    children: Vec<(&'t str, Node<'t>)>,
}

impl<'t> Node<'t> {
    fn insert(&mut self, spec: &'t FieldSpec) {
        let mut node = self;
        for name in spec.path.split('.') {
            let position = match node.children.iter().position(|(known, _)| *known == name) {
                Some(position) => position,
                None => {
                    node.children.push((name, Node::default()));
                    node.children.len() - 1
                }
            };
            node = &mut node.children[position].1;
        }
        node.spec.get_or_insert(spec);
    }

    fn object(&self) -> ObjectBuilder {
        let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object));
        let object = object.additional_properties(Some(AdditionalProperties::FreeForm(true)));
        self.properties("", object)
    }

    /// Where a name has a value and names below it, these stand beside it with dots.
    fn properties(&self, prefix: &str, mut object: ObjectBuilder) -> ObjectBuilder {
        for (name, child) in &self.children {
            let name = format!("{prefix}{name}");
            match child.spec {
                Some(spec) => {
                    object = object.property(&name, value(spec));
                    if spec.kind == Kind::Bytes || spec.keep == Keep::OnDemand {
                        object = object.property(format!("{name}_b64"), base64(spec));
                    }
                    object = child.properties(&format!("{name}."), object);
                }
                None => object = object.property(&name, Schema::Object(child.object().build())),
            }
        }
        object
    }
}

fn value(spec: &FieldSpec) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let described = |object: ObjectBuilder| {
        let unit = if spec.unit.is_empty() { String::new() } else { format!(" In {}.", spec.unit) };
        object.description(Some(format!("{}{unit}", spec.doc)))
    };
    let of_type = |kind: Type| described(ObjectBuilder::new().schema_type(SchemaType::Type(kind)));
    match spec.kind {
        Kind::Bool => of_type(Type::Boolean).into(),
        Kind::Int => of_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).into(),
        // A number that is infinite or none at all is null.
        Kind::Double => {
            let kinds = SchemaType::Array(vec![Type::Number, Type::Null]);
            described(ObjectBuilder::new().schema_type(kinds)).into()
        }
        Kind::Text | Kind::Bytes => of_type(Type::String).into(),
        Kind::Time => of_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into(),
        Kind::TextList => {
            let list = ArrayBuilder::new().items(text());
            list.description(Some(spec.doc)).into()
        }
        Kind::Map => {
            let list = ArrayBuilder::new().items(text()).build();
            let one = OneOfBuilder::new().item(Schema::Object(text().build())).item(Schema::Array(list)).build();
            let values = AdditionalProperties::RefOr(RefOr::T(Schema::OneOf(one)));
            of_type(Type::Object).additional_properties(Some(values)).into()
        }
    }
}

fn base64(spec: &FieldSpec) -> Schema {
    let doc = format!("`{}` in base64, where it is not UTF-8.", spec.path);
    Schema::Object(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(doc)).build())
}

/// An entry as a body.
pub(crate) struct EntryObject;

impl PartialSchema for EntryObject {
    fn schema() -> RefOr<Schema> {
        entry_reference()
    }
}

impl utoipa::ToSchema for EntryObject {}

/// A stream of bytes as a body.
pub(crate) struct FileBytes;

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        let bytes = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        bytes.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).into()
    }
}

impl utoipa::ToSchema for FileBytes {}

/// The name of the schema of entries.
const ENTRY: &str = "Entry";
/// What every entry has.
const ALWAYS: &[&str] = &["id", "timestamp", "protocol", "src", "dst"];
const ENTRY_DESCRIPTION: &str = "A pair of request and response, a one-way message, a connection or a flow. Names are those of \
    filters. Values that an entry does not have are left out, and so are bools that are false. What is not UTF-8 stands as \
    base64 under the name with `_b64`. With `fields`, only those stand here.";
const DESCRIPTION: &str = "API traffic of this machine: entries, figures, the service map, packets and control. \
    Entries come newest first. Times are RFC 3339 with nanoseconds, latencies are in µs. Every answer about a window carries what \
    was lost in it, so that \"nothing there\" and \"not seen\" never look alike. Errors are JSON with a stable code. \
    Requests over loopback by root, the user who started the program and its group need no token; all others do.";
