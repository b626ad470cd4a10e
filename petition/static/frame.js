// The form in a frame on another site: tell the page around it how high it is, so that it is shown whole. The height is
// no secret, and only the sites that the petition lists can show this page at all (frame-ancestors).
if (parent !== self) {
  new ResizeObserver(() => {
    parent.postMessage({petitionHeight: Math.ceil(document.documentElement.getBoundingClientRect().height)}, "*");
  }).observe(document.documentElement);
}
