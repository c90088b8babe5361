/// The part of the artifact's manifest that an app needs.
///
/// The generated file `Bundled.swift` defines the one instance that an app has.
public struct Manifest: Sendable, Equatable {
  /// The kind of model files that the package carries.
  public enum Kind: String, Sendable {
    /// Core ML packages.
    case mlpackage
    /// ONNX models, which are small on disk.
    case onnx
    /// ONNX models in ONNX Runtime's own format, which load faster.
    case ort
  }

  /// The schema version of the manifest.
  public let schemaVersion: Int
  /// The version of the software that exported the model.
  public let version: String
  /// The SPDX identifier of the licence of the weights.
  public let licence: String
  /// The SHA-256 of the checkpoint that the model was exported from, in hexadecimal.
  public let checkpoint: String
  /// The SHA-256 of the part of the manifest that concerns an app, in hexadecimal.
  public let digest: String
  /// The kind of the model files.
  public let kind: Kind
  /// The components, in the order in which a run uses them.
  public let components: [Component]
  /// The constants of the sampling loop. The first table is the default.
  public let samplers: [SamplerTable]
  /// What makes approximate pictures of latents, or nil if the model has nothing for them.
  public let preview: LatentPreview?
  /// The limits of the selfie rules, in the order in which the rules are applied.
  public let rules: [RuleLimits]
  /// Whether selfies are faces aligned to ArcFace's template, instead of centre squares.
  public private(set) var takesAlignedFaces = false
  /// The files that the app contains.
  public let files: [ModelFile]
}

/// One exported network.
public struct Component: Sendable, Equatable {
  /// The name: `identity_encoder`, `denoiser` or `decoder`.
  public let name: String
  /// The path of its file or package, relative to the model's folder.
  public let path: String
  /// The inputs, in order.
  public let inputs: [TensorSpec]
  /// The outputs, in order.
  public let outputs: [TensorSpec]
}

/// The name, shape and type of an input or output of a component.
public struct TensorSpec: Sendable, Equatable {
  /// The name in the model file.
  public let name: String
  /// The extent along each axis, the batch axis included. Shapes are static.
  public let shape: [Int]
  /// The type of the elements.
  public let elementType: ElementType
  /// Whether Core ML returns it as an 8-bit RGB image. Every other runtime has float32 in [0,1].
  public let isImage: Bool
}

/// The constants of the sampling loop (rectified flow, Euler steps) for one number of steps.
public struct SamplerTable: Sendable, Equatable {
  /// The scale of classifier-free guidance. 1 means one call of the denoiser per step, any other
  /// value two.
  public let guidance: Double
  /// The denoiser's input `timestep` at each step.
  public let timesteps: [Double]
  /// The noise levels, which fall from at most 1. There is one more than `timesteps`. The last is 0
  /// or a little more.
  public let sigmas: [Double]
  /// The level that Euler goes down to at each step. Empty if no noise is added, and each step ends
  /// at the next of `sigmas`.
  public let downs: [Double]
  /// The strength of the fresh noise that is added after each step, 0 for none. Empty if no noise is
  /// added at any step.
  public let noises: [Double]

  init(
    guidance: Double, timesteps: [Double], sigmas: [Double], downs: [Double] = [],
    noises: [Double] = []
  ) {
    self.guidance = guidance
    self.timesteps = timesteps
    self.sigmas = sigmas
    self.downs = downs
    self.noises = noises
  }
}

/// One file of the artifact.
public struct ModelFile: Sendable, Equatable {
  /// The path relative to the model's folder, with `/` between folders.
  public let path: String
  /// The size in bytes.
  public let byteCount: Int
  /// The SHA-256 in hexadecimal.
  public let sha256: String
}

/// The limits of one selfie rule.
public struct RuleLimits: Sendable, Equatable {
  /// The rule.
  public let rule: SelfieRule
  /// The smallest value that passes, or nil if there is no lower limit.
  public let min: Double?
  /// The largest value that passes, or nil if there is no upper limit.
  public let max: Double?
  /// A description of the rule, in one line of English.
  public let about: String
}
