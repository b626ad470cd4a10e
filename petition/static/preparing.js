// What a worker is making is asked for again after a moment.
setTimeout(() => location.reload(), 2000);
