// <petition-form slug="…" lang="…" theme="light">a link to the petition</petition-form>: its form, in a frame as high as
// it needs.
// The link stays until the form is there: without scripts, and on a site that the petition does not list.
(() => {
  const site = new URL(document.currentScript.src).origin;
  const MAX_HEIGHT = 20000;
  if (customElements.get("petition-form")) return;
  customElements.define("petition-form", class extends HTMLElement {
    connectedCallback() {
      const slug = this.getAttribute("slug");
      if (!slug) return;
      if (!this.frame) this.build(slug);
      this.listen = (event) => this.receive(event);
      addEventListener("message", this.listen);
    }

    disconnectedCallback() {
      removeEventListener("message", this.listen);
    }

    build(slug) {
      const query = new URLSearchParams({lang: (this.closest("[lang]") || this).lang.slice(0, 2).toLowerCase()});
      if (this.getAttribute("theme")) query.set("theme", this.getAttribute("theme"));
      const frame = this.frame = document.createElement("iframe");
      this.link = document.createElement("slot");
      frame.src = site + "/p/" + encodeURIComponent(slug) + "/embed?" + query;
      frame.title = slug;
      frame.referrerPolicy = "no-referrer";
      // Styles of the page cannot reach the frame: it is in a shadow tree, and its host has inline styles.
      this.style.cssText = "all: initial !important; display: block !important";
      frame.style.cssText = "display: block; width: 100%; height: 0; border: 0";
      let loaded = false;
      frame.addEventListener("load", () => {
        // After the form was sent, its answer begins at the top.
        if (loaded && frame.getBoundingClientRect().top < 0) this.scrollIntoView();
        loaded = true;
      });
      this.attachShadow({mode: "open"}).append(frame, this.link);
    }

    receive(event) {
      if (event.origin !== site || event.source !== this.frame.contentWindow) return;
      const height = event.data && event.data.petitionHeight;
      if (!(height > 0 && height <= MAX_HEIGHT)) return;
      this.frame.title = this.textContent.trim() || this.frame.title;
      this.frame.style.height = Math.ceil(height) + "px";
      this.link.style.display = "none";
    }
  });
})();
