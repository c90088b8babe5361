// Declarations of Apple's Core ML that the library uses, written from the cited pages. None of them
// is `Sendable` here, so that the library does not rely on it.

import CoreVideo
import Foundation

// https://developer.apple.com/documentation/coreml/mlcomputeunits
@available(iOS 12.0, macOS 10.14, *)
public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  @available(iOS 16.0, macOS 13.0, *)
  case cpuAndNeuralEngine = 3
}

// https://developer.apple.com/documentation/coreml/mlmodelconfiguration
@available(iOS 12.0, macOS 10.14, *)
open class MLModelConfiguration: NSObject {
  public override init() {}
  // https://developer.apple.com/documentation/coreml/mlmodelconfiguration/computeunits
  open var computeUnits: MLComputeUnits = .all
}

// https://developer.apple.com/documentation/coreml/mlmodel
@available(iOS 11.0, macOS 10.13, *)
open class MLModel: NSObject {
  // https://developer.apple.com/documentation/coreml/mlmodel/compilemodel(at:)-6442s
  @available(iOS 16.0, macOS 13.0, *)
  open class func compileModel(at modelURL: URL) async throws -> URL { modelURL }

  // https://developer.apple.com/documentation/coreml/mlmodel/load(contentsof:configuration:)
  @available(iOS 15.0, macOS 12.0, *)
  open class func load(
    contentsOf url: URL, configuration: MLModelConfiguration = MLModelConfiguration()
  ) async throws -> MLModel { MLModel() }

  // https://developer.apple.com/documentation/coreml/mlmodel/prediction(from:options:)-81mr6
  open func prediction(
    from input: any MLFeatureProvider, options: MLPredictionOptions
  ) throws -> any MLFeatureProvider { input }
}

// https://developer.apple.com/documentation/coreml/mlpredictionoptions
@available(iOS 11.0, macOS 10.13, *)
open class MLPredictionOptions: NSObject {
  public override init() {}
  // https://developer.apple.com/documentation/coreml/mlpredictionoptions/outputbackings
  @available(iOS 16.0, macOS 13.0, *)
  open var outputBackings: [String: Any] = [:]
}

// https://developer.apple.com/documentation/coreml/mlfeatureprovider
@available(iOS 11.0, macOS 10.13, *)
public protocol MLFeatureProvider: AnyObject {
  // https://developer.apple.com/documentation/coreml/mlfeatureprovider/featurevalue(for:)
  func featureValue(for featureName: String) -> MLFeatureValue?
}

// https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider
@available(iOS 11.0, macOS 10.13, *)
open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  // https://developer.apple.com/documentation/coreml/mldictionaryfeatureprovider/init(dictionary:)
  public init(dictionary: [String: Any]) throws {}
  public func featureValue(for featureName: String) -> MLFeatureValue? { nil }
}

// https://developer.apple.com/documentation/coreml/mlfeaturevalue
@available(iOS 11.0, macOS 10.13, *)
open class MLFeatureValue: NSObject {
  // https://developer.apple.com/documentation/coreml/mlfeaturevalue/init(multiarray:)
  public convenience init(multiArray value: MLMultiArray) { self.init() }
  // https://developer.apple.com/documentation/coreml/mlfeaturevalue/multiarrayvalue
  open var multiArrayValue: MLMultiArray? { nil }
  // https://developer.apple.com/documentation/coreml/mlfeaturevalue/imagebuffervalue
  open var imageBufferValue: CVPixelBuffer? { nil }
}

// https://developer.apple.com/documentation/coreml/mlmultiarraydatatype
@available(iOS 11.0, macOS 10.13, *)
public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case int32 = 131104
}

// https://developer.apple.com/documentation/coreml/mlmultiarray
@available(iOS 11.0, macOS 10.13, *)
open class MLMultiArray: NSObject {
  // https://developer.apple.com/documentation/coreml/mlmultiarray/init(datapointer:shape:datatype:strides:deallocator:)
  public init(
    dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType,
    strides: [NSNumber], deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
  ) throws {}

  // https://developer.apple.com/documentation/coreml/mlmultiarray/count
  open var count: Int { 0 }

  // https://developer.apple.com/documentation/coreml/mlmultiarray/subscript(_:)-7ve9x
  open subscript(idx: Int) -> NSNumber { NSNumber(value: idx) }
}
