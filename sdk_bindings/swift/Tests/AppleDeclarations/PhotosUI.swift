// Declarations of Apple's PhotosUI that the example screen uses, written from the cited pages.

import Foundation
import SwiftUI

// https://developer.apple.com/documentation/photosui/photospickeritem
@available(iOS 16.0, macOS 13.0, *)
public struct PhotosPickerItem: Hashable, Sendable {
  // https://developer.apple.com/documentation/photosui/photospickeritem/loadtransferable(type:)
  public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { nil }
}

// https://developer.apple.com/documentation/photosui/phpickerfilter-swift.struct
@available(iOS 14.0, macOS 13.0, *)
public struct PHPickerFilter: Sendable {
  // https://developer.apple.com/documentation/photosui/phpickerfilter-swift.struct/images
  public static let images = PHPickerFilter()
}

// https://developer.apple.com/documentation/photosui/photospicker
@available(iOS 16.0, macOS 13.0, *)
public struct PhotosPicker: PrimitiveView {
  // https://developer.apple.com/documentation/photosui/photospicker/init(selection:maxselectioncount:selectionbehavior:matching:preferreditemencoding:label:)
  public init(
    selection: Binding<[PhotosPickerItem]>, maxSelectionCount: Int? = nil,
    matching filter: PHPickerFilter? = nil, @ViewBuilder label: () -> some View
  ) {}
}
