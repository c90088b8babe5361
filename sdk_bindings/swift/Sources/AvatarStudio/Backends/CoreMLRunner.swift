#if canImport(CoreML)
  import CoreML
  import CoreVideo
  import Foundation

  /// A component that Core ML has loaded.
  ///
  /// Core ML reads inputs in the studio's memory, and writes outputs there where it accepts that.
  final class CoreMLRunner: Runner, @unchecked Sendable {  // A model predicts on any thread.
    private let model: MLModel
    private let component: Component

    init(model: MLModel, component: Component) {
      self.model = model
      self.component = component
    }

    func run(_ inputs: [String: Tensor], into outputs: [String: Tensor]) throws(AvatarError) {
      do {
        try autoreleasepool { try predict(inputs, outputs) }
      } catch let error as AvatarError {
        throw error
      } catch {
        throw .runtimeFailed(component: component.name, reason: error.localizedDescription)
      }
      withExtendedLifetime((inputs, outputs)) {}
    }

    private func predict(_ inputs: [String: Tensor], _ outputs: [String: Tensor]) throws {
      var features: [String: MLFeatureValue] = [:]
      for (name, tensor) in inputs {
        features[name] = MLFeatureValue(multiArray: try view(of: tensor))
      }
      let options = MLPredictionOptions()
      var backings: [String: Any] = [:]
      for output in component.outputs where !output.isImage {
        if let tensor = outputs[output.name] { backings[output.name] = try view(of: tensor) }
      }
      options.outputBackings = backings
      let provider = try MLDictionaryFeatureProvider(dictionary: features)
      let result = try model.prediction(from: provider, options: options)
      for output in component.outputs {
        guard let tensor = outputs[output.name], let value = result.featureValue(for: output.name)
        else { throw failure("it returned no \(output.name)") }
        try copy(value, to: tensor, unlessIn: backings[output.name])
      }
    }

    /// Returns an array of Core ML that shares the tensor's memory. It is valid as long as the tensor.
    private func view(of tensor: Tensor) throws -> MLMultiArray {
      var strides: [NSNumber] = []
      var stride = tensor.count
      for extent in tensor.shape {
        stride /= extent
        strides.append(NSNumber(value: stride))
      }
      return try tensor.withBytes { bytes in
        guard let start = bytes.baseAddress else { throw failure("a tensor is empty") }
        return try MLMultiArray(
          dataPointer: start, shape: tensor.shape.map { NSNumber(value: $0) },
          dataType: tensor.elementType == .float32 ? .float32 : .int32, strides: strides,
          deallocator: nil)
      }
    }

    private func copy(_ value: MLFeatureValue, to tensor: Tensor, unlessIn backing: Any?) throws {
      if let image = value.imageBufferValue {
        try copy(image, to: tensor)
      } else if let array = value.multiArrayValue {
        guard array !== backing as AnyObject? else { return }
        guard array.count == tensor.count else { throw failure("an output has another size") }
        tensor.withFloats { values in
          for index in values.indices { values[index] = array[index].floatValue }
        }
      } else {
        throw failure("an output is neither an image nor an array")
      }
    }

    /// Converts an 8-bit BGRA image to (1,3,height,width) in [0,1].
    private func copy(_ image: CVPixelBuffer, to tensor: Tensor) throws {
      let (width, height) = (CVPixelBufferGetWidth(image), CVPixelBufferGetHeight(image))
      guard tensor.count == 3 * width * height,
        CVPixelBufferGetPixelFormatType(image) == kCVPixelFormatType_32BGRA,
        CVPixelBufferLockBaseAddress(image, .readOnly) == kCVReturnSuccess
      else { throw failure("an image has another size or format") }
      defer { CVPixelBufferUnlockBaseAddress(image, .readOnly) }
      guard let start = CVPixelBufferGetBaseAddress(image) else {
        throw failure("an image has no pixels")
      }
      let rowBytes = CVPixelBufferGetBytesPerRow(image)
      tensor.withFloats { values in
        for y in 0..<height {
          let row = start.advanced(by: y * rowBytes).assumingMemoryBound(to: UInt8.self)
          for x in 0..<width {
            for channel in 0..<3 {
              let byte = row[4 * x + 2 - channel]
              values[(channel * height + y) * width + x] = Float(byte) / 255
            }
          }
        }
      }
    }

    private func failure(_ reason: String) -> AvatarError {
      .runtimeFailed(component: component.name, reason: reason)
    }
  }
#endif
