/// What the model's manifest says; the generated file holds the one instance that an app has.
public struct ModelDescription: Sendable, Equatable {
  /// What kind of model files the package carries.
  public enum Kind: String, Sendable {
    /// Core ML packages.
    case mlpackage
    /// ONNX models, small on disk.
    case onnx
    /// ONNX models in ONNX Runtime's own format, faster to load.
    case ort
  }

  /// Layout of the manifest.
  public let schemaVersion: Int
  /// Version of the software that exported the model.
  public let version: String
  /// SPDX identifier of the weights' licence.
  public let licence: String
  /// SHA-256 of the checkpoint that the model was exported from, in hex.
  public let checkpoint: String
  /// SHA-256, in hex, of all that the manifest says which concerns an app.
  public let digest: String
  /// What kind of model files there are.
  public let kind: Kind
  /// The networks, in the order in which a run uses them.
  public let components: [ComponentDescription]
  /// Constants of the sampling loop, the default first.
  public let samplers: [SamplerTable]
  /// Limits of the selfie rules, in the order in which they are applied.
  public let rules: [RuleLimits]
  /// Files that lie in the app.
  public let files: [ModelFile]
}

/// One network.
public struct ComponentDescription: Sendable, Equatable {
  /// `identity_encoder`, `denoiser` or `decoder`.
  public let name: String
  /// Path of its file or package, relative to the model's folder.
  public let path: String
  /// What it takes, in order.
  public let inputs: [TensorDescription]
  /// What it gives, in order.
  public let outputs: [TensorDescription]
}

/// An input or output of a network.
public struct TensorDescription: Sendable, Equatable {
  /// Its name in the model file.
  public let name: String
  /// Extent along each axis.
  public let shape: [Int]
  /// What its elements are.
  public let element: TensorElement
  /// Whether Core ML has it as an 8-bit RGB image; everywhere else it is float32 in [0,1].
  public let isImage: Bool
}

/// Constants of the sampling loop (a rectified flow, Euler steps) for one number of steps.
public struct SamplerTable: Sendable, Equatable {
  /// 1 means one call of the denoiser a step, anything else two.
  public let guidance: Double
  /// What the denoiser is told at each step.
  public let timesteps: [Double]
  /// Noise levels, one more than `timesteps`; the last is 0.
  public let sigmas: [Double]
}

/// A file of the model.
public struct ModelFile: Sendable, Equatable {
  /// Path relative to the model's folder, with `/`.
  public let path: String
  /// Size in bytes.
  public let byteCount: Int
  /// SHA-256 in hex.
  public let sha256: String
}

/// Limits of one selfie rule.
public struct RuleLimits: Sendable, Equatable {
  /// The rule.
  public let rule: SelfieRule
  /// The least value that passes.
  public let minimum: Double?
  /// The largest value that passes.
  public let maximum: Double?
  /// What is measured, in one line.
  public let about: String
}
