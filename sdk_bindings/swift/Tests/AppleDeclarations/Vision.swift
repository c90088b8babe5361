// Declarations of Apple's Vision that the library uses, written from the cited pages.

import CoreGraphics
import Foundation

// https://developer.apple.com/documentation/vision/vnimageoption
public struct VNImageOption: Hashable, Sendable {}

// https://developer.apple.com/documentation/vision/vnrequest
@available(iOS 11.0, macOS 10.13, *)
open class VNRequest: NSObject {
  // https://developer.apple.com/documentation/vision/vnrequest/init()
  public override init() {}
}

// https://developer.apple.com/documentation/vision/vnfaceobservation
@available(iOS 11.0, macOS 10.13, *)
open class VNFaceObservation: NSObject {
  // https://developer.apple.com/documentation/vision/vndetectedobjectobservation/boundingbox
  open var boundingBox: CGRect { CGRect(x: 0, y: 0, width: 0, height: 0) }
}

// https://developer.apple.com/documentation/vision/vndetectfacerectanglesrequest
@available(iOS 11.0, macOS 10.13, *)
open class VNDetectFaceRectanglesRequest: VNRequest {
  // https://developer.apple.com/documentation/vision/vndetectfacerectanglesrequest/results
  @available(iOS 15.0, macOS 12.0, *)
  open var results: [VNFaceObservation]? { nil }
}

// https://developer.apple.com/documentation/vision/vnimagerequesthandler
@available(iOS 11.0, macOS 10.13, *)
open class VNImageRequestHandler: NSObject {
  // https://developer.apple.com/documentation/vision/vnimagerequesthandler/init(cgimage:options:)
  public init(cgImage image: CGImage, options: [VNImageOption: Any] = [:]) {}

  // https://developer.apple.com/documentation/vision/vnimagerequesthandler/perform(_:)
  open func perform(_ requests: [VNRequest]) throws {}
}
