export default {
  poweredByHeader: false,
  generateBuildId: () => 'one',
};
