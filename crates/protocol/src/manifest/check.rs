//! From the raw manifest to the checked one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Handler, HandlerInput, HandlerOptions, HandlerOutput, HandlerProblem, HandlerType, Manifest,
    ManifestError, OnMaxAttempts, OptionsProblem, ProtocolMode, RawHandler, RawInput, RawManifest,
    RawOptions, RawOutput, RawService, RetryOptions, Service, ServiceType, names,
};
use crate::content_type::negotiate;

const JSON: &str = "application/json";

pub(super) fn manifest(raw: RawManifest) -> Result<Manifest, ManifestError> {
    let mode = protocol_mode(raw.protocol_mode)?;
    let min_version = version(raw.min_protocol_version)?;
    let max_version = version(raw.max_protocol_version)?;
    negotiate(min_version, max_version).map_err(ManifestError::Version)?;
    let services = services(raw.services)?;
    Ok(Manifest {
        mode,
        min_version,
        max_version,
        services,
    })
}

fn protocol_mode(mode: Option<String>) -> Result<ProtocolMode, ManifestError> {
    let mode = mode.ok_or(ManifestError::NoProtocolMode)?;
    [ProtocolMode::BidiStream, ProtocolMode::RequestResponse]
        .into_iter()
        .find(|known| known.name() == mode)
        .ok_or(ManifestError::UnknownProtocolMode { mode })
}

fn version(version: i64) -> Result<u16, ManifestError> {
    u16::try_from(version).map_err(|_| ManifestError::VersionNumber { version })
}

fn services(raw: Vec<RawService>) -> Result<Vec<Service>, ManifestError> {
    let mut names = BTreeSet::new();
    for service in &raw {
        if !names::is_service_name(&service.name) {
            return Err(ManifestError::ServiceName {
                service: service.name.clone(),
            });
        }
        if !names.insert(&service.name) {
            return Err(ManifestError::DuplicateService {
                service: service.name.clone(),
            });
        }
    }
    raw.into_iter().map(service).collect()
}

fn service(raw: RawService) -> Result<Service, ManifestError> {
    let name = raw.name;
    let Some(ty) = service_type(&raw.ty) else {
        return Err(ManifestError::UnknownServiceType {
            service: name,
            ty: raw.ty,
        });
    };
    let options = match options(raw.options) {
        Ok(options) => options,
        Err(problem) => {
            return Err(ManifestError::ServiceOptions {
                service: name,
                problem,
            });
        }
    };
    let handlers = handlers(&name, ty, raw.handlers)?;
    let metadata = raw.metadata.unwrap_or_default();
    Ok(Service {
        name,
        ty,
        handlers,
        documentation: raw.documentation,
        metadata,
        options,
    })
}

fn service_type(name: &str) -> Option<ServiceType> {
    let known = [
        ServiceType::Service,
        ServiceType::VirtualObject,
        ServiceType::Workflow,
    ];
    known.into_iter().find(|ty| ty.name() == name)
}

fn handlers(
    service: &str,
    service_ty: ServiceType,
    raw: Vec<RawHandler>,
) -> Result<BTreeMap<String, Handler>, ManifestError> {
    let mut handlers = BTreeMap::new();
    let mut run = None;
    for raw in raw {
        let name = raw.name.clone();
        let refuse = |problem| ManifestError::Handler {
            service: service.to_owned(),
            handler: name.clone(),
            problem,
        };
        let handler = handler(service_ty, raw).map_err(refuse)?;
        if handler.ty == Some(HandlerType::Workflow)
            && let Some(first) = run.replace(name.clone())
            && first != name
        {
            return Err(refuse(HandlerProblem::SecondRun { first }));
        }
        if handlers.insert(name.clone(), handler).is_some() {
            return Err(refuse(HandlerProblem::Duplicate));
        }
    }
    Ok(handlers)
}

fn handler(service_ty: ServiceType, raw: RawHandler) -> Result<Handler, HandlerProblem> {
    if !names::is_handler_name(&raw.name) {
        return Err(HandlerProblem::Name);
    }
    let ty = handler_type(service_ty, raw.ty)?;
    let mut options = options(raw.options).map_err(HandlerProblem::Options)?;
    options.workflow_completion_retention = workflow_retention(ty, raw.workflow_completion_retention)?;
    Ok(Handler {
        name: raw.name,
        ty,
        input: input(raw.input),
        output: output(raw.output),
        documentation: raw.documentation,
        metadata: raw.metadata.unwrap_or_default(),
        options,
    })
}

fn handler_type(service_ty: ServiceType, raw: Option<String>) -> Result<Option<HandlerType>, HandlerProblem> {
    let given = match raw {
        None => None,
        Some(ty) => Some(
            [HandlerType::Workflow, HandlerType::Exclusive, HandlerType::Shared]
                .into_iter()
                .find(|known| known.name() == ty)
                .ok_or(HandlerProblem::UnknownType { ty })?,
        ),
    };
    match (service_ty, given) {
        // Nothing is exclusive in a service, so a handler called shared there is what they all are.
        (ServiceType::Service, None | Some(HandlerType::Shared)) => Ok(None),
        (ServiceType::VirtualObject, None) => Ok(Some(HandlerType::Exclusive)),
        (ServiceType::Workflow, None) => Ok(Some(HandlerType::Workflow)),
        (ServiceType::VirtualObject, Some(HandlerType::Exclusive | HandlerType::Shared))
        | (ServiceType::Workflow, Some(HandlerType::Workflow | HandlerType::Shared)) => Ok(given),
        (_, Some(ty)) => Err(HandlerProblem::TypeMismatch { ty, service_ty }),
    }
}

fn workflow_retention(
    ty: Option<HandlerType>,
    retention_ms: Option<u64>,
) -> Result<Option<Duration>, HandlerProblem> {
    match retention_ms {
        Some(retention_ms) if ty != Some(HandlerType::Workflow) => {
            Err(HandlerProblem::WorkflowRetention { retention_ms })
        }
        _ => Ok(retention_ms.map(Duration::from_millis)),
    }
}

fn input(raw: Option<RawInput>) -> HandlerInput {
    let anything = HandlerInput::Body {
        content_type: "*/*".into(),
        required: false,
        json_schema: None,
    };
    let Some(raw) = raw else { return anything };
    let required = raw.required.unwrap_or(false);
    let content_type = match (raw.content_type, &raw.json_schema) {
        (Some(content_type), _) => content_type,
        (None, Some(_)) => JSON.into(),
        (None, None) if required => "*/*".into(),
        (None, None) => return HandlerInput::Empty,
    };
    HandlerInput::Body {
        content_type,
        required,
        json_schema: raw.json_schema,
    }
}

fn output(raw: Option<RawOutput>) -> HandlerOutput {
    let Some(raw) = raw else {
        let content_type = Some(JSON.into());
        return HandlerOutput {
            content_type,
            set_content_type_if_empty: false,
            json_schema: None,
        };
    };
    HandlerOutput {
        content_type: raw.content_type,
        set_content_type_if_empty: raw.set_content_type_if_empty.unwrap_or(false),
        json_schema: raw.json_schema,
    }
}

fn options(raw: RawOptions) -> Result<HandlerOptions, OptionsProblem> {
    let duration = |ms: Option<u64>| ms.map(Duration::from_millis);
    Ok(HandlerOptions {
        inactivity_timeout: duration(raw.inactivity_timeout),
        abort_timeout: duration(raw.abort_timeout),
        journal_retention: duration(raw.journal_retention),
        idempotency_retention: duration(raw.idempotency_retention),
        workflow_completion_retention: None,
        enable_lazy_state: raw.enable_lazy_state,
        ingress_private: raw.ingress_private,
        retry: RetryOptions {
            initial_interval: duration(raw.retry_policy_initial_interval),
            max_interval: duration(raw.retry_policy_max_interval),
            factor: factor(raw.retry_policy_exponentiation_factor)?,
            max_attempts: max_attempts(raw.retry_policy_max_attempts)?,
            on_max_attempts: on_max_attempts(raw.retry_policy_on_max_attempts)?,
        },
    })
}

fn factor(factor: Option<f64>) -> Result<Option<f64>, OptionsProblem> {
    match factor {
        Some(factor) if !(factor.is_finite() && factor > 0.0) => Err(OptionsProblem::Factor { factor }),
        _ => Ok(factor),
    }
}

/// Numbers above `u32` mean "practically endless" and are cut to it.
fn max_attempts(attempts: Option<u64>) -> Result<Option<u32>, OptionsProblem> {
    match attempts {
        Some(0) => Err(OptionsProblem::NoAttempts),
        _ => Ok(attempts.map(|attempts| u32::try_from(attempts).unwrap_or(u32::MAX))),
    }
}

fn on_max_attempts(value: Option<String>) -> Result<Option<OnMaxAttempts>, OptionsProblem> {
    let Some(value) = value else { return Ok(None) };
    let known = [OnMaxAttempts::Pause, OnMaxAttempts::Kill]
        .into_iter()
        .find(|known| known.name() == value);
    known
        .map(Some)
        .ok_or(OptionsProblem::UnknownOnMaxAttempts { value })
}
